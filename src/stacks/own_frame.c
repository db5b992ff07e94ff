/* SPDX-License-Identifier: GPL-2.0-only */
#include "stacks/own_frame.h"

#include <fnmatch.h>
#include <string.h>

/* Allocators, and libraries whose containers and strings are their callers'. */
static const char *const objects[] = {
	"libc.so*",	 "libc-2*",	    "ld-linux*",	  "ld-musl*",	  "libc.musl*",
	"libstdc++.so*", "libc++.so*",	    "libc++abi.so*",	  "libjemalloc*", "libtcmalloc*",
	"libmimalloc*",	 "libglib-2.0.so*", "libgobject-2.0.so*",
};

/* Names without return types and arguments, as globs. */
static const char *const functions[] = {
	/* C++ and Rust: what is compiled into the program itself. */
	"std::*",
	"__gnu_cxx::*",
	"operator new*",
	"alloc::*",
	"core::*",
	"hashbrown::*",
	"__rust_alloc*",
	"__rdl_alloc*",
	"__rust_realloc",
	"__rdl_realloc",
	/* C: wrappers that many programs and libraries have. */
	"*xmalloc*",
	"*xcalloc*",
	"*xrealloc*",
	"*xstrdup*",
	"*xstrndup*",
	"*xasprintf*",
	"*safe_malloc*",
	"*safe_calloc*",
	"*safe_realloc*",
	"*checked_malloc*",
	"*emalloc*",
	"*ecalloc*",
	"*erealloc*",
	"__ckd_malloc__", /* sphinxbase */
	"__ckd_calloc__",
	"__ckd_realloc__",
	"__ckd_salloc__",
	"cst_safe_alloc", /* flite */
	"cst_safe_calloc",
	"cst_safe_realloc",
	"av_malloc*",
	"av_mallocz*",
	"av_calloc",
	"av_realloc*",
	"zmalloc*", /* redis */
	"zcalloc*",
	"zrealloc*",
	"ztrymalloc*",
	"sqlite3Malloc*",
	"sqlite3DbMalloc*",
	"sqlite3_malloc*",
	"sqlite3MemMalloc",
	"sqlite3MemRealloc",
	"CRYPTO_malloc",
	"CRYPTO_zalloc",
	"CRYPTO_realloc",
	"PyMem_*",
	"PyObject_Malloc",
	"PyObject_Calloc",
	"PyObject_Realloc",
	"_PyObject_Malloc*",
	"_PyObject_Realloc*",
	"_PyMem_*",
	"_PyObject_New",
	"_PyObject_GC_*",
	"PyType_GenericAlloc",
	"_PyType_AllocNoTrack",
};

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define ANONYMOUS     "(anonymous namespace)"
#define OPERATOR      "operator"
#define QUALIFIED_MAX 128 /* more is not compared: globs look at the beginning */

/*
 * "std::vector<int>::push_back" of "void std::vector<int>::push_back(int&&)": what stands between
 * the last space and the first parenthesis that are in no template's arguments.
 */
static void qualified_name(const char *name, char out[QUALIFIED_MAX])
{
	size_t start = 0, at = 0, len;
	int depth = 0;

	for (; name[at]; at++) {
		if (!depth && !strncmp(name + at, ANONYMOUS, strlen(ANONYMOUS))) {
			at += strlen(ANONYMOUS) - 1;
			continue;
		}
		/* "operator new", "operator<": from here on signs mean something else. */
		if (!depth && !strncmp(name + at, OPERATOR, strlen(OPERATOR)) &&
		    (at == start || name[at - 1] == ':')) {
			at += strlen(name + at);
			break;
		}
		if (name[at] == '<')
			depth++;
		else if (name[at] == '>' && depth)
			depth--;
		else if (name[at] == '(' && !depth)
			break;
		else if (name[at] == ' ' && !depth)
			start = at + 1;
	}
	len = at - start < QUALIFIED_MAX - 1 ? at - start : QUALIFIED_MAX - 1;
	memcpy(out, name + start, len);
	out[len] = '\0';
}

bool allocates_for_caller(const char *function, const char *object)
{
	char name[QUALIFIED_MAX];

	for (size_t i = 0; i < COUNT(objects); i++)
		if (!fnmatch(objects[i], object, 0))
			return true;
	qualified_name(function, name);
	for (size_t i = 0; i < COUNT(functions) && name[0]; i++)
		if (!fnmatch(functions[i], name, 0))
			return true;
	return false;
}

size_t own_frame(const struct frame_name *frames, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!allocates_for_caller(frames[i].function, frames[i].object))
			return i;
	return 0;
}
