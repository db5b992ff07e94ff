/* SPDX-License-Identifier: GPL-2.0-only */
/* config_new.h - making and combining configurations, for the files of this folder. */
#ifndef CHESHIRE_CONFIG_CONFIG_NEW_H
#define CHESHIRE_CONFIG_CONFIG_NEW_H

struct arena;
struct config;
struct probe_list;
struct stage_config;

/* An empty configuration with the usual values, or NULL. */
struct config *config_new(void);
/* Deep copies, so that the source may be freed; 0 or -ENOMEM. */
/* Budgets, tiers with theirs, kinds of databases, and priorities, as far as `config` was not given
 * its own. */
int config_take_missing(struct config *config, const struct config *from);
int config_take_stage(struct config *config, const struct config *from,
		      const struct stage_config *stage, const char *engine);
int config_take_models(struct config *config, const struct stage_config *from,
		       struct stage_config *to);
int config_take_probes(struct config *config, const struct config *from,
		       const struct probe_list *probes, struct probe_list *list);

#endif /* CHESHIRE_CONFIG_CONFIG_NEW_H */
