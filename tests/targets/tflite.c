/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TensorFlow Lite by its C interface, as openWakeWord and microWakeWord use it: the embedding and a
 * wake word's net, one after the other, on silence.  --extra LIBRARY:FOLDER, where the models are.
 * Every call is logged as "invoke".
 */
#include "library.h"

#define NETS 2

static void *(*TfLiteModelCreateFromFile)(const char *);
static void *(*TfLiteInterpreterCreate)(void *model, void *options);
static int (*TfLiteInterpreterAllocateTensors)(void *);
static void *(*TfLiteInterpreterGetInputTensor)(void *, int32_t);
static int (*TfLiteTensorCopyFromBuffer)(void *, const void *, size_t);
static size_t (*TfLiteTensorByteSize)(const void *);
static int (*TfLiteInterpreterInvoke)(void *);

static void bind(const struct library *lib)
{
	LIBRARY_GET(lib, TfLiteModelCreateFromFile);
	LIBRARY_GET(lib, TfLiteInterpreterCreate);
	LIBRARY_GET(lib, TfLiteInterpreterAllocateTensors);
	LIBRARY_GET(lib, TfLiteInterpreterGetInputTensor);
	LIBRARY_GET(lib, TfLiteTensorCopyFromBuffer);
	LIBRARY_GET(lib, TfLiteTensorByteSize);
	LIBRARY_GET(lib, TfLiteInterpreterInvoke);
}

static void *open_net(const char *folder, const char *name)
{
	void *interpreter, *input, *zeros;
	char path[512];
	void *model;

	snprintf(path, sizeof(path), "%s/%s.tflite", folder, name);
	model = TfLiteModelCreateFromFile(path);
	interpreter = model ? TfLiteInterpreterCreate(model, NULL) : NULL;
	if (!interpreter || TfLiteInterpreterAllocateTensors(interpreter)) {
		fprintf(stderr, "%s cannot be used\n", path);
		exit(1);
	}
	input = TfLiteInterpreterGetInputTensor(interpreter, 0);
	zeros = calloc(1, TfLiteTensorByteSize(input));
	truth_check(zeros && !TfLiteTensorCopyFromBuffer(input, zeros, TfLiteTensorByteSize(input)),
		    "the input");
	free(zeros);
	return interpreter;
}

int main(int argc, char **argv)
{
	struct truth_function *invoke_fn;
	void *nets[NETS];
	struct truth_pace pace;
	struct truth_opts opts;
	struct library lib;

	truth_init(&opts, argc, argv);
	lib = library_open(&opts);
	bind(&lib);
	invoke_fn = truth_fn("invoke");
	nets[0] = open_net(lib.model, "embedding_model");
	nets[1] = open_net(lib.model, "alexa");
	truth_ready(&opts);
	truth_pace_start(&pace);
	while (truth_pace_next(&pace, &opts)) {
		for (int i = 0; i < NETS; i++) {
			uint64_t start_ns = truth_now_ns();
			int result = TfLiteInterpreterInvoke(nets[i]);

			truth_record(invoke_fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
			truth_check(result == 0, "the result of TfLiteInterpreterInvoke");
		}
	}
	return truth_finish();
}
