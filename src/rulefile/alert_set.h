/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alert_set.h - the alerts of one rule, found by their labels.
 *
 * Labels of alerts are copies of their own, not interned: a rule that puts {{ $value }} into a
 * label makes new sets for ever, and a table of labels only grows.
 */
#ifndef CHESHIRE_RULEFILE_ALERT_SET_H
#define CHESHIRE_RULEFILE_ALERT_SET_H

#include "rulefile/rulegroups.h"

struct alert_entry {
	struct rule_alert alert; /* first: what is given out */
	uint64_t hash;
	bool present;		   /* in the result of the evaluation under way */
	bool held;		   /* shown as unknown where it is not firing exactly */
	bool fired;		   /* exactly, since it began: only then it is held */
	bool restored;		   /* from a state file, and not in a result yet */
	int64_t restored_until_ms; /* then it is over; 0: no evaluation yet */
};

struct alert_set {
	struct alert_entry **entry; /* sorted by hash */
	size_t n, room;
};

uint64_t label_list_hash(const struct label *label, size_t n);
bool label_list_equal(const struct label *a, size_t a_n, const struct label *b, size_t b_n);
/* Sorted by name, empty values left out, of equal names the last wins; returns how many. */
size_t label_list_settle(struct label *label, size_t n);
/* One block of memory, or NULL. */
struct label *label_list_copy(const struct label *label, size_t n);

/* Labels as of label_list_settle(). */
struct alert_entry *alert_set__find(const struct alert_set *set, const struct label *label,
				    size_t n, uint64_t hash);
/* A new entry with a copy of the labels, all else zero; NULL: no memory. */
struct alert_entry *alert_set__add(struct alert_set *set, const struct label *label, size_t n,
				   uint64_t hash);
/* Frees the entries for which drop() is true. */
void alert_set__drop(struct alert_set *set, bool (*drop)(const struct alert_entry *entry));
void alert_set__free(struct alert_set *set);

#endif /* CHESHIRE_RULEFILE_ALERT_SET_H */
