/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * server_links.c - the links of probes, which last until the keeper lets them go.
 *
 * A process that is killed while the kernel takes its breakpoints away leaves some of them in the
 * target: the kernel reaches into the target's pages as that process, and does not for one that
 * has a fatal signal waiting (__get_user_pages(), mm/gup.c).  So the last descriptor of each link
 * is here, where nobody is killed with the session; the session has another of each, which is the
 * last where it is the keeper that was killed.
 */
#include <errno.h>
#include <stdlib.h>

#include "keeper/server.h"
#include "kernel/uprobe_link.h"

static int make_room(struct keeper_server *s)
{
	size_t size = s->links_size ? 2 * s->links_size : 64;
	struct keeper_link *links;

	if (s->links_n < s->links_size)
		return 0;
	if (s->links_n == KEEPER_LINKS_MAX)
		return -ENOSPC;
	links = reallocarray(s->links, size, sizeof(*links));
	if (!links)
		return -ENOMEM;
	s->links = links;
	s->links_size = size;
	return 0;
}

int keeper_server_keep_link(struct keeper_server *s, struct uprobe_link *link, uint64_t *number)
{
	int err = make_room(s);

	if (err) {
		uprobe_link__free(link);
		return err;
	}
	*number = ++s->link_number;
	s->links[s->links_n++] = (struct keeper_link){*number, link};
	return 0;
}

/* Out of the table; NULL: it is not there. */
static struct uprobe_link *take(struct keeper_server *s, uint64_t number)
{
	for (size_t i = 0; i < s->links_n; i++) {
		struct uprobe_link *link = s->links[i].link;

		if (s->links[i].number != number)
			continue;
		s->links[i] = s->links[--s->links_n];
		return link;
	}
	return NULL;
}

int keeper_server_detach(struct keeper_server *s, const uint64_t *numbers, size_t n)
{
	struct uprobe_link *taken[KEEPER_DETACH_MAX];
	size_t taken_n = 0;

	for (size_t i = 0; i < n && i < KEEPER_DETACH_MAX; i++) {
		taken[taken_n] = take(s, numbers[i]);
		taken_n += taken[taken_n] != NULL;
	}
	uprobe_link_free_all(taken, taken_n);
	return taken_n == n ? 0 : -ENOENT;
}

void keeper_server_detach_all(struct keeper_server *s)
{
	uint64_t numbers[KEEPER_DETACH_MAX];

	while (s->links_n) {
		size_t n = 0;

		while (n < s->links_n && n < KEEPER_DETACH_MAX) {
			numbers[n] = s->links[n].number;
			n++;
		}
		(void)keeper_server_detach(s, numbers, n);
	}
	free(s->links);
	s->links = NULL;
	s->links_size = 0;
}
