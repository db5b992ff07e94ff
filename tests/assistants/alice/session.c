/* SPDX-License-Identifier: GPL-2.0-only */
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "intent.h"
#include "knowledge.h"
#include "stt.h"
#include "wake.h"

static int servers_open(struct session *s)
{
	if (!s->opt->postgres_port && !s->opt->redis_port)
		return 0;
	s->backends = backends_load();
	if (s->backends)
		s->backend = s->backends->open(s->opt->postgres_port, s->opt->redis_port);
	return s->backend ? 0 : -EIO;
}

int session_open(struct session *s, unsigned int user, const struct options *opt,
		 const struct corpus *corpus)
{
	int err;

	memset(s, 0, sizeof(*s));
	s->user = user;
	s->opt = opt;
	s->corpus = corpus;
	err = wake_open(s);
	if (!err)
		err = stt_open(s);
	if (!err)
		err = knowledge_open(s);
	if (!err)
		err = servers_open(s);
	if (!err && opt->handoff)
		err = speaker_start(&s->speaker, user);
	return err;
}

void session_close(struct session *s)
{
	speaker_stop(&s->speaker);
	if (s->backend)
		s->backends->close(s->backend);
	knowledge_close(s);
	if (s->wake)
		ps_free(s->wake);
	if (s->stt)
		ps_free(s->stt);
	free(s->frames.wall_ns);
}
