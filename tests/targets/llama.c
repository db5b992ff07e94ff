/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * llama.cpp by its C interface: a prompt, then tokens one after the other.  Logged are "decode"
 * (every llama_decode), "first" (from the prompt's llama_decode to the first token) and "answer"
 * (to the last one).
 */
#include "library.h"

#define PROMPT "What time is it in the place where the clocks have stopped?"
#define TOKENS 8

struct llama_model;
struct llama_context;
struct llama_vocab;
struct llama_sampler;

struct llama_batch {
	int32_t n_tokens;
	void *fields[6];
};

static struct library_params (*llama_model_default_params)(void);
static struct library_params (*llama_context_default_params)(void);
static struct llama_model *(*llama_model_load_from_file)(const char *, struct library_params);
static struct llama_context *(*llama_init_from_model)(struct llama_model *, struct library_params);
static const struct llama_vocab *(*llama_model_get_vocab)(const struct llama_model *);
static int (*llama_tokenize)(const struct llama_vocab *, const char *, int, int32_t *, int, bool,
			     bool);
static struct llama_batch (*llama_batch_get_one)(int32_t *, int32_t);
static int (*llama_decode)(struct llama_context *, struct llama_batch);
static struct llama_sampler *(*llama_sampler_init_greedy)(void);
static int32_t (*llama_sampler_sample)(struct llama_sampler *, struct llama_context *, int32_t);
static void (*llama_set_n_threads)(struct llama_context *, int32_t, int32_t);
static void *(*llama_get_memory)(const struct llama_context *);
static void (*llama_memory_clear)(void *, bool);
static void (*llama_log_set)(void (*)(int, const char *, void *), void *);

static struct truth_function *decode_fn, *first_fn, *answer_fn;

static void quiet(int level, const char *text, void *data)
{
	(void)data;
	if (level >= 4)
		fputs(text, stderr);
}

static void bind(const struct library *lib)
{
	LIBRARY_GET(lib, llama_model_default_params);
	LIBRARY_GET(lib, llama_context_default_params);
	LIBRARY_GET(lib, llama_model_load_from_file);
	LIBRARY_GET(lib, llama_init_from_model);
	LIBRARY_GET(lib, llama_model_get_vocab);
	LIBRARY_GET(lib, llama_tokenize);
	LIBRARY_GET(lib, llama_batch_get_one);
	LIBRARY_GET(lib, llama_decode);
	LIBRARY_GET(lib, llama_sampler_init_greedy);
	LIBRARY_GET(lib, llama_sampler_sample);
	LIBRARY_GET(lib, llama_set_n_threads);
	LIBRARY_GET(lib, llama_get_memory);
	LIBRARY_GET(lib, llama_memory_clear);
	LIBRARY_GET(lib, llama_log_set);
}

static uint64_t decode(struct llama_context *context, int32_t *tokens, int32_t n)
{
	struct llama_batch batch = llama_batch_get_one(tokens, n);
	uint64_t start_ns = truth_now_ns();
	int result = llama_decode(context, batch);

	truth_record(decode_fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
	truth_check(result == 0, "the result of llama_decode");
	return start_ns;
}

static void answer(struct llama_context *context, struct llama_sampler *sampler, int32_t *prompt,
		   int32_t prompt_n)
{
	uint64_t start_ns, end_ns = 0;
	int32_t token;

	llama_memory_clear(llama_get_memory(context), true);
	start_ns = decode(context, prompt, prompt_n);
	for (int i = 0; i < TOKENS; i++) {
		if (i)
			decode(context, &token, 1);
		token = llama_sampler_sample(sampler, context, -1);
		end_ns = truth_now_ns();
		if (!i)
			truth_record(first_fn, start_ns, end_ns, TRUTH_NORMAL);
	}
	truth_record(answer_fn, start_ns, end_ns, TRUTH_NORMAL);
}

int main(int argc, char **argv)
{
	struct llama_sampler *sampler;
	struct llama_context *context;
	struct llama_model *model;
	struct truth_pace pace;
	struct truth_opts opts;
	int32_t prompt[256], n;
	struct library lib;

	truth_init(&opts, argc, argv);
	lib = library_open(&opts);
	bind(&lib);
	llama_log_set(quiet, NULL);
	decode_fn = truth_fn("decode");
	first_fn = truth_fn("first");
	answer_fn = truth_fn("answer");
	model = llama_model_load_from_file(lib.model, llama_model_default_params());
	truth_check(model, "the model");
	if (!model)
		return truth_finish();
	context = llama_init_from_model(model, llama_context_default_params());
	/* Its threads spin for each other: one is the quickest with so small a model. */
	llama_set_n_threads(context, 1, 1);
	sampler = llama_sampler_init_greedy();
	n = llama_tokenize(llama_model_get_vocab(model), PROMPT, (int)strlen(PROMPT), prompt, 256,
			   true, true);
	truth_check(n > 1, "the tokens of the prompt");
	truth_ready(&opts);
	truth_pace_start(&pace);
	while (truth_pace_next(&pace, &opts))
		answer(context, sampler, prompt, n);
	return truth_finish();
}
