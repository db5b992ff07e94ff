/* SPDX-License-Identifier: GPL-2.0-only */
#include "metrics/turns.h"

#include <stdlib.h>
#include <string.h>

#include "metrics/concurrency.h"
#include "metrics/wakes.h"

struct turn {
	bool used;
	bool keyed;
	bool complete;
	uint64_t key;
	uint64_t start_ns;
	uint64_t last_ns;	 /* newest thing that belongs to it */
	uint64_t stage_start_ns; /* of the newest stage */
	uint64_t done_ns;	 /* ... when its latency ended; 0: not yet */
	uint16_t stage;		 /* the newest stage */
	struct evidence_item item;
};

struct turns {
	const struct config *config;
	turn_fn fn;
	void *ctx;
	int start_stage; /* -1: any */
	int end_stage;	 /* -1: none */
	struct turn turn[TURNS_MAX];
	struct wakes wakes;
	uint64_t in_flight_ns; /* as of the last tick: oldest call in flight, 0 none */
	size_t unknown_open;   /* turns given up, as far as we know still going on */
	uint64_t unknown_last_ns;
	struct concurrency concurrency; /* slots: as turn[] */
	struct turns_losses losses;
};

_Static_assert(TURNS_MAX <= CONCURRENCY_OPEN_MAX, "a slot for every turn");

bool turn_key_of(const struct turn_config *config, const struct wire_span *span, uint64_t *key)
{
	switch (config->key) {
	case TURN_KEY_THREAD:
		*key = span->hdr.tid;
		return true;
	case TURN_KEY_VALUE:
		*key = span->key;
		return span->flags & WIRE_SPAN_KEY;
	case TURN_KEY_NONE:
		break;
	}
	*key = 0;
	return false;
}

int turn_stage(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->stages_n; i++)
		if (strcmp(config->stages[i].name, name) == 0)
			return (int)i;
	return -1;
}

struct turns *turns__new(const struct config *config, turn_fn fn, void *ctx)
{
	const struct turn_config *turn = &config->turn;
	struct turns *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->config = config;
	t->fn = fn;
	t->ctx = ctx;
	t->start_stage = turn_stage(config, turn->start ? turn->start : "stt");
	t->end_stage = turn_stage(config, turn->end ? turn->end : "tts");
	return t;
}

void turns__free(struct turns *t)
{
	free(t);
}

bool turns__has_end(const struct turns *t)
{
	return t->end_stage >= 0;
}

static void say(struct turns *t, const struct turn_event *event)
{
	t->fn(t->ctx, event);
}

static void say_outcome(struct turns *t, enum turn_outcome outcome)
{
	say(t, &(struct turn_event){.what = TURN_EVENT_OUTCOME, .outcome = outcome});
}

static size_t slot_of(const struct turns *t, const struct turn *turn)
{
	return (size_t)(turn - t->turn);
}

/* Ends a turn at end_ns; one that had its audio has ended and had its outcome already. */
static void close_turn(struct turns *t, struct turn *turn, enum turn_outcome outcome,
		       uint64_t end_ns)
{
	concurrency_end(&t->concurrency, slot_of(t, turn), end_ns);
	if (!turn->complete)
		say_outcome(t, outcome);
	turn->used = false;
}

/* Nobody knows which of the turns without key is which any more. */
static void give_up(struct turns *t, struct turn *turn)
{
	t->unknown_open++;
	t->losses.overlapped++;
	if (turn->last_ns > t->unknown_last_ns)
		t->unknown_last_ns = turn->last_ns;
	close_turn(t, turn, TURN_UNKNOWN, turn->last_ns);
}

static void give_up_some(struct turns *t, bool keyed_too)
{
	for (size_t i = 0; i < TURNS_MAX; i++) {
		struct turn *turn = &t->turn[i];

		if (turn->used && !turn->complete && (keyed_too || !turn->keyed))
			give_up(t, turn);
	}
}

/*
 * The turn that a span with this key belongs to, or NULL.  *open: how many turns without audio
 * it could belong to.
 */
static struct turn *find(struct turns *t, bool keyed, uint64_t key, size_t *open)
{
	struct turn *only = NULL, *newest = NULL;

	*open = 0;
	for (size_t i = 0; i < TURNS_MAX; i++) {
		struct turn *turn = &t->turn[i];

		if (!turn->used)
			continue;
		if (keyed && turn->keyed) {
			if (turn->key != key)
				continue;
			*open = !turn->complete;
			return turn;
		}
		if (!turn->complete) {
			(*open)++;
			only = turn;
		} else if (!newest || turn->start_ns > newest->start_ns) {
			newest = turn;
		}
	}
	if (*open > 1)
		return NULL;
	return only ? only : newest;
}

static struct turn *allocate(struct turns *t)
{
	struct turn *oldest = &t->turn[0];

	for (size_t i = 0; i < TURNS_MAX; i++) {
		if (!t->turn[i].used)
			return &t->turn[i];
		/* One that had its audio is given up before one that waits for it. */
		if (t->turn[i].complete > oldest->complete ||
		    (t->turn[i].complete == oldest->complete &&
		     t->turn[i].last_ns < oldest->last_ns))
			oldest = &t->turn[i];
	}
	t->losses.full += !oldest->complete;
	close_turn(t, oldest, TURN_UNKNOWN, oldest->last_ns);
	return oldest;
}

static struct turn *open_turn(struct turns *t, const struct wire_span *span, bool keyed,
			      uint64_t key)
{
	struct turn *turn = allocate(t);
	uint64_t wake_ns;

	memset(turn, 0, sizeof(*turn));
	turn->used = true;
	turn->keyed = keyed;
	turn->key = key;
	turn->start_ns = span->start_ns;
	turn->last_ns = span->start_ns;
	turn->item.kind = EVIDENCE_TURN;
	turn->item.stage = span->stage;
	turn->item.start_ns = span->start_ns;
	turn->item.key = key;
	turn->item.tid = span->hdr.tid;
	concurrency_begin(&t->concurrency, slot_of(t, turn), span->start_ns);
	say(t, &(struct turn_event){.what = TURN_EVENT_STARTED});
	if (wakes_take(&t->wakes, keyed, key, turn->start_ns, turns__open(t) <= 1, &wake_ns))
		say(t, &(struct turn_event){.what = TURN_EVENT_SPEECH,
					    .value_ns = turn->start_ns - wake_ns});
	return turn;
}

/* A stage joins the turn: the gap before it, and its place in the evidence. */
static void add_stage(struct turns *t, struct turn *turn, const struct wire_span *span)
{
	struct evidence_item *item = &turn->item;
	int64_t gap_ns = -1;

	if (item->parts_n && turn->done_ns && span->start_ns >= turn->stage_start_ns) {
		/* A stage may begin before the one before it is through: no gap then. */
		gap_ns = span->start_ns > turn->done_ns ? (int64_t)(span->start_ns - turn->done_ns)
							: 0;
		say(t, &(struct turn_event){.what = TURN_EVENT_GAP,
					    .value_ns = (uint64_t)gap_ns,
					    .a = turn->stage,
					    .b = span->stage});
	}
	turn->stage = span->stage;
	turn->stage_start_ns = span->start_ns;
	turn->done_ns = 0;
	if (item->parts_n == EVIDENCE_PARTS_MAX)
		return;
	item->parts[item->parts_n++] = (struct evidence_part){
		.stage = span->stage,
		.tid = span->hdr.tid,
		.gap_ns = gap_ns,
		.start_ns = span->start_ns,
	};
}

static bool takes_part(const struct turns *t, const struct wire_span *span)
{
	const struct stage_config *stage;

	if (span->stage >= t->config->stages_n)
		return false;
	stage = &t->config->stages[span->stage];
	return stage->turn && stage->kind != STAGE_FRAME;
}

static bool opens(const struct turns *t, const struct turn *turn, const struct wire_span *span)
{
	if (t->start_stage >= 0)
		return span->stage == t->start_stage;
	if (!turn)
		return true;
	if (turn->complete)
		return span->stage != t->end_stage;
	return span->stage == turn->item.stage;
}

/* Spans without key while turns are being given up: nothing can be said about them. */
static bool lost_in_overlap(struct turns *t, const struct wire_span *span, bool keyed, bool opening)
{
	if (keyed || !t->unknown_open)
		return false;
	if (span->end_ns > t->unknown_last_ns)
		t->unknown_last_ns = span->end_ns;
	if (opening) {
		t->unknown_open++;
		t->losses.overlapped++;
		say(t, &(struct turn_event){.what = TURN_EVENT_STARTED});
		say_outcome(t, TURN_UNKNOWN);
	}
	return true;
}

/* Nothing of the turn for longer than idle, and no call of unknown turn that may be its. */
static bool has_idled(const struct turns *t, const struct turn *turn, uint64_t time_ns,
		      uint64_t in_flight_ns)
{
	uint64_t until_ns = turn->last_ns + t->config->turn.idle_ns;

	if (!turn->used || until_ns >= time_ns)
		return false;
	return turn->complete || !in_flight_ns || in_flight_ns > until_ns;
}

/* Until now it might have gone on: its user waited. */
static void abandon(struct turns *t, struct turn *turn)
{
	close_turn(t, turn, TURN_ABANDONED, turn->last_ns + t->config->turn.idle_ns);
}

/* A turn that was over before this span began is not interrupted by it: the tick just comes late.
 */
static void end_idle(struct turns *t, const struct wire_span *span, bool keyed, uint64_t key)
{
	for (size_t i = 0; i < TURNS_MAX; i++) {
		struct turn *turn = &t->turn[i];
		bool same = keyed ? turn->keyed && turn->key == key : !turn->keyed;

		/* The calls of a key come in order: what is in flight is not of this turn. */
		if (same && has_idled(t, turn, span->start_ns, keyed ? 0 : t->in_flight_ns))
			abandon(t, turn);
	}
}

static void begin_turn(struct turns *t, struct turn *turn, const struct wire_span *span, bool keyed,
		       uint64_t key, size_t open)
{
	if (turn && span->start_ns <= turn->start_ns)
		return; /* seen already, or older than what we are in */
	if (!keyed && open) {
		give_up_some(t, true);
		lost_in_overlap(t, span, keyed, true);
		return;
	}
	if (turn)
		close_turn(t, turn, TURN_INTERRUPTED, span->start_ns);
	add_stage(t, open_turn(t, span, keyed, key), span);
}

void turns__begin(struct turns *t, const struct wire_span *span)
{
	struct turn *turn;
	uint64_t key;
	size_t open;
	bool keyed, opening;

	if (!takes_part(t, span))
		return;
	keyed = turn_key_of(&t->config->turn, span, &key);
	end_idle(t, span, keyed, key);
	turn = find(t, keyed, key, &open);
	opening = opens(t, turn, span);
	if (lost_in_overlap(t, span, keyed, opening))
		return;
	if (opening) {
		begin_turn(t, turn, span, keyed, key, open);
		return;
	}
	if (!turn) {
		/* Audio that may be any of them leaves none of them known. */
		if (open > 1)
			give_up_some(t, !keyed && span->stage == t->end_stage);
		t->losses.unjoined++;
		return;
	}
	/* The tail of the turn before, cut off by this one. */
	if (span->start_ns < turn->start_ns)
		return;
	if (!turn->complete)
		add_stage(t, turn, span);
	if (span->start_ns > turn->last_ns)
		turn->last_ns = span->start_ns;
}

static struct turn *find_of(struct turns *t, const struct wire_span *span)
{
	struct turn *turn;
	uint64_t key;
	size_t open;
	bool keyed;

	if (!takes_part(t, span))
		return NULL;
	keyed = turn_key_of(&t->config->turn, span, &key);
	if (lost_in_overlap(t, span, keyed, false))
		return NULL;
	turn = find(t, keyed, key, &open);
	return turn && span->start_ns >= turn->start_ns ? turn : NULL;
}

/* Where the time of a stage went, as far as its record tells. */
static void part_usage(struct evidence_part *part, const struct wire_span *span)
{
	part->flags = span->flags;
	part->cpu_known = span->flags & WIRE_SPAN_CPU;
	part->cpu_ns = span->cpu_ns;
	part->process_cpu_ns = span->process_cpu_ns;
	memcpy(part->wait_ns, span->wait_ns, sizeof(part->wait_ns));
}

/* The latency of a stage is known: it ended at done_ns. */
static void stage_done(const struct turns *t, struct turn *turn, const struct wire_span *span,
		       uint64_t done_ns)
{
	const struct stage_config *stage = &t->config->stages[span->stage];
	struct evidence_item *item = &turn->item;

	if (turn->stage == span->stage && turn->stage_start_ns == span->start_ns)
		turn->done_ns = done_ns;
	for (size_t i = item->parts_n; i-- > 0;) {
		struct evidence_part *part = &item->parts[i];

		if (part->stage != span->stage || part->start_ns != span->start_ns)
			continue;
		part->wall_ns = done_ns - span->start_ns;
		part->first_ns = 0;
		if (stage->kind == STAGE_STREAM && span->first_ns > span->start_ns)
			part->first_ns = span->first_ns - span->start_ns;
		part_usage(part, span);
		return;
	}
}

static void audio_out(struct turns *t, struct turn *turn, uint64_t audio_ns)
{
	if (turn->complete || audio_ns < turn->start_ns)
		return;
	turn->complete = true;
	concurrency_end(&t->concurrency, slot_of(t, turn), audio_ns);
	turn->item.wall_ns = audio_ns - turn->start_ns;
	say(t, &(struct turn_event){.what = TURN_EVENT_LATENCY,
				    .value_ns = turn->item.wall_ns,
				    .item = &turn->item});
	say_outcome(t, TURN_COMPLETE);
}

static bool latency_is_first(const struct turns *t, const struct wire_span *span)
{
	const struct stage_config *stage = &t->config->stages[span->stage];

	return stage->kind == STAGE_STREAM && stage->latency_is_first;
}

void turns__first(struct turns *t, const struct wire_span *span)
{
	struct turn *turn = find_of(t, span);

	if (!turn)
		return;
	if (span->first_ns > turn->last_ns)
		turn->last_ns = span->first_ns;
	if (latency_is_first(t, span))
		stage_done(t, turn, span, span->first_ns);
	if (span->stage == t->end_stage) {
		if (!latency_is_first(t, span))
			stage_done(t, turn, span, span->first_ns);
		audio_out(t, turn, span->first_ns);
	}
}

void turns__end(struct turns *t, const struct wire_span *span)
{
	struct turn *turn = find_of(t, span);
	bool stream;

	if (!turn)
		return;
	stream = t->config->stages[span->stage].kind == STAGE_STREAM;
	if (span->end_ns > turn->last_ns)
		turn->last_ns = span->end_ns;
	if (!latency_is_first(t, span))
		stage_done(t, turn, span, span->end_ns);
	if (span->stage == t->end_stage && !stream && !(span->flags & WIRE_SPAN_ABNORMAL))
		audio_out(t, turn, span->end_ns);
}

void turns__wake(struct turns *t, const struct wire_span *hit)
{
	uint64_t key;
	bool keyed = turn_key_of(&t->config->turn, hit, &key);

	wakes_add(&t->wakes, keyed, key, hit->end_ns);
}

void turns__tick(struct turns *t, uint64_t time_ns, uint64_t in_flight_ns)
{
	uint64_t idle_ns = t->config->turn.idle_ns;

	t->in_flight_ns = in_flight_ns;
	for (size_t i = 0; i < TURNS_MAX; i++)
		if (has_idled(t, &t->turn[i], time_ns, in_flight_ns))
			abandon(t, &t->turn[i]);
	if (t->unknown_open && t->unknown_last_ns + idle_ns < time_ns)
		t->unknown_open = 0;
}

size_t turns__open(const struct turns *t)
{
	size_t open = t->unknown_open;

	for (size_t i = 0; i < TURNS_MAX; i++)
		open += t->turn[i].used && !t->turn[i].complete;
	return open;
}

size_t turns__most(struct turns *t, uint64_t time_ns, bool *whole)
{
	size_t most = concurrency_most(&t->concurrency, time_ns, whole);

	/* The real number of those that were given up is not known: see TURN_UNKNOWN. */
	return most > t->unknown_open ? most : t->unknown_open;
}

void turns__losses(const struct turns *t, struct turns_losses *out)
{
	*out = t->losses;
}
