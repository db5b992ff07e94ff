/* SPDX-License-Identifier: GPL-2.0-only */
#include "config/expr.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NESTING_MAX 16

struct parser {
	const char *text;
	size_t at;
	unsigned int flags;
	int nesting;
	struct wire_value v;
	char *err;
	size_t err_size;
	size_t err_at;
};

static const struct {
	const char *name;
	enum wire_type type;
} types[] = {
	{"u64", WIRE_TYPE_U64}, {"i64", WIRE_TYPE_I64}, {"u32", WIRE_TYPE_U32},
	{"i32", WIRE_TYPE_I32}, {"u16", WIRE_TYPE_U16}, {"i16", WIRE_TYPE_I16},
	{"u8", WIRE_TYPE_U8},	{"i8", WIRE_TYPE_I8},	{"str", WIRE_TYPE_STR},
	{"ptr", WIRE_TYPE_U64},
};

/* Two-letter operators before their first letters. */
static const struct {
	const char *text;
	enum wire_op op;
} ops[] = {
	{"==", WIRE_OP_EQ}, {"!=", WIRE_OP_NE}, {"<=", WIRE_OP_LE},   {">=", WIRE_OP_GE},
	{"<", WIRE_OP_LT},  {">", WIRE_OP_GT},	{"~=", WIRE_OP_LIKE}, {"^=", WIRE_OP_LIKE},
};

#define FLOAT_REASON                                                                               \
	"floating-point values are passed in vector registers, which a uprobe cannot read"

static int __attribute__((format(printf, 3, 4)))
fail(struct parser *p, size_t at, const char *fmt, ...)
{
	va_list args;

	p->err_at = at;
	va_start(args, fmt);
	vsnprintf(p->err, p->err_size, fmt, args);
	va_end(args);
	return -EINVAL;
}

static void skip_space(struct parser *p)
{
	while (p->text[p->at] == ' ' || p->text[p->at] == '\t' || p->text[p->at] == '\n')
		p->at++;
}

static bool take(struct parser *p, char c)
{
	skip_space(p);
	if (p->text[p->at] != c)
		return false;
	p->at++;
	return true;
}

/* Length of the word at the cursor. */
static size_t word_len(const struct parser *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p->text[p->at + n]) || p->text[p->at + n] == '_')
		n++;
	return n;
}

static bool is_float_word(const char *word, size_t len)
{
	static const char *const floats[] = {"float", "double", "f16", "f32", "f64"};

	for (size_t i = 0; i < sizeof(floats) / sizeof(floats[0]); i++)
		if (strlen(floats[i]) == len && !memcmp(word, floats[i], len))
			return true;
	return len > 3 && isdigit((unsigned char)word[3]) &&
	       (!memcmp(word, "xmm", 3) || !memcmp(word, "ymm", 3) || !memcmp(word, "zmm", 3));
}

int expr_type(const char *name, size_t len, char *err, size_t err_size)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strlen(types[i].name) == len && !memcmp(types[i].name, name, len))
			return (int)types[i].type;
	if (is_float_word(name, len))
		snprintf(err, err_size, "%s", FLOAT_REASON);
	else
		snprintf(err, err_size,
			 "unknown type '%.*s': one of i8 u8 i16 u16 i32 u32 i64 u64 ptr str",
			 (int)(len < 40 ? len : 40), name);
	return -EINVAL;
}

/* Decimal or 0x…; the sign is the caller's. */
static int parse_integer(struct parser *p, uint64_t *value)
{
	size_t start = p->at, len = word_len(p), i = 0;
	uint64_t base = 10, digit;

	*value = 0;
	if (len > 2 && p->text[start] == '0' && (p->text[start + 1] | 32) == 'x') {
		base = 16;
		i = 2;
	}
	for (; i < len; i++) {
		char c = p->text[start + i];

		digit = isdigit((unsigned char)c)    ? (uint64_t)(c - '0')
			: isxdigit((unsigned char)c) ? (uint64_t)((c | 32) - 'a' + 10)
						     : 16;
		if (digit >= base)
			return fail(p, start, "'%.*s' is not an integer",
				    (int)(len < 40 ? len : 40), p->text + start);
		if (__builtin_mul_overflow(*value, base, value) ||
		    __builtin_add_overflow(*value, digit, value))
			return fail(p, start, "the integer does not fit into 64 bits");
	}
	if (!len)
		return fail(p, start, "expected an integer");
	p->at += len;
	return 0;
}

static int parse_term(struct parser *p);

/* "argN", "ret", or a plain constant where one is allowed. */
static int parse_base(struct parser *p)
{
	const char *word = p->text + p->at;
	size_t len = word_len(p), at = p->at;

	if (len == 3 && !memcmp(word, "ret", 3)) {
		if (p->flags & EXPR_NO_RET)
			return fail(p, at, "'ret' does not exist at the entry of a function");
		p->v.base = WIRE_BASE_RET;
	} else if (len >= 4 && len <= 5 && !memcmp(word, "arg", 3) &&
		   isdigit((unsigned char)word[3]) &&
		   (len == 4 || isdigit((unsigned char)word[4]))) {
		int n = word[3] - '0';

		if (len == 5)
			n = n * 10 + word[4] - '0';
		if (n > 15 || (len == 5 && word[3] == '0'))
			return fail(p, at, "arguments are arg0 to arg15");
		p->v.base = WIRE_BASE_ARG;
		p->v.arg = (__u8)n;
	} else if (is_float_word(word, len)) {
		return fail(p, at, "%s", FLOAT_REASON);
	} else if (len) {
		return fail(p, at, "expected argN or ret, not '%.*s'", (int)(len < 40 ? len : 40),
			    word);
	} else {
		return fail(p, at, "expected argN, ret or *(…)");
	}
	p->at += len;
	return 0;
}

static int parse_factor(struct parser *p)
{
	size_t start;
	int err;

	skip_space(p);
	start = p->at;
	if (++p->nesting > NESTING_MAX)
		return fail(p, start, "nested too deep");
	if (take(p, '*')) {
		err = parse_factor(p);
		if (err)
			return err;
		if (p->v.derefs == WIRE_DEREFS_MAX)
			return fail(p, start, "more than %d dereferences", WIRE_DEREFS_MAX);
		p->v.derefs++;
	} else if (take(p, '(')) {
		err = parse_term(p);
		if (err)
			return err;
		if (!take(p, ')'))
			return fail(p, p->at, "expected ')'");
	} else {
		err = parse_base(p);
		if (err)
			return err;
	}
	p->nesting--;
	return 0;
}

/* Offsets add up at the current depth of dereferences. */
static int parse_term(struct parser *p)
{
	uint64_t n;
	int64_t sum;
	bool minus;
	int err = parse_factor(p);

	while (!err) {
		size_t start;

		minus = take(p, '-');
		if (!minus && !take(p, '+'))
			return 0;
		skip_space(p);
		start = p->at;
		err = parse_integer(p, &n);
		if (err)
			return err;
		sum = p->v.off[p->v.derefs];
		if (n > INT32_MAX)
			return fail(p, start, "the offset does not fit into 32 bits");
		sum += minus ? -(int64_t)n : (int64_t)n;
		if (sum > INT32_MAX || sum < INT32_MIN)
			return fail(p, start, "the offset does not fit into 32 bits");
		p->v.off[p->v.derefs] = (__s32)sum;
	}
	return err;
}

/* A leading word that is neither argN nor ret is a type, if a value follows it. */
static int parse_type(struct parser *p, int *type)
{
	size_t len, next;
	int t;

	skip_space(p);
	len = word_len(p);
	next = p->at + len;
	while (p->text[next] == ' ' || p->text[next] == '\t')
		next++;
	if (!len || isdigit((unsigned char)p->text[p->at]) ||
	    !(isalnum((unsigned char)p->text[next]) || p->text[next] == '*' ||
	      p->text[next] == '('))
		return 0;
	if ((len == 3 && !memcmp(p->text + p->at, "ret", 3)) ||
	    (len >= 4 && !memcmp(p->text + p->at, "arg", 3)))
		return 0;
	t = expr_type(p->text + p->at, len, p->err, p->err_size);
	if (t < 0) {
		p->err_at = p->at;
		return t;
	}
	*type = t;
	p->at += len;
	return 0;
}

/* Text in quotes, at most 7 bytes: with its NUL it is one word of the target's memory. */
static int parse_string(struct parser *p)
{
	size_t start = p->at, n = 0;
	char quote = p->text[p->at++];
	unsigned char bytes[8] = {0};

	while (p->text[p->at] && p->text[p->at] != quote) {
		if (p->text[p->at] == '\\')
			return fail(p, p->at, "no escapes in this text");
		if (n == 7)
			return fail(p, start, "text to compare with is at most 7 bytes");
		bytes[n++] = (unsigned char)p->text[p->at++];
	}
	if (!p->text[p->at])
		return fail(p, start, "the quote is not closed");
	p->at++;
	p->v.str_bytes = (__u8)(n + 1);
	memcpy(&p->v.rhs, bytes, sizeof(bytes));
	return 0;
}

static int parse_constant(struct parser *p, bool *negative)
{
	bool minus;
	int err;

	skip_space(p);
	if (p->text[p->at] == '"' || p->text[p->at] == '\'')
		return parse_string(p);
	if (word_len(p) == 4 && !memcmp(p->text + p->at, "NULL", 4)) {
		p->at += 4;
		return 0;
	}
	minus = take(p, '-');
	skip_space(p);
	err = parse_integer(p, (uint64_t *)&p->v.rhs);
	if (err)
		return err;
	if (minus) {
		if (p->v.rhs > (uint64_t)INT64_MAX + 1)
			return fail(p, p->at, "the integer does not fit into 64 bits");
		p->v.rhs = -p->v.rhs;
	}
	*negative = minus && p->v.rhs;
	return 0;
}

static bool is_signed(int type)
{
	return type == WIRE_TYPE_I8 || type == WIRE_TYPE_I16 || type == WIRE_TYPE_I32 ||
	       type == WIRE_TYPE_I64;
}

static unsigned int type_bits(int type)
{
	switch (type) {
	case WIRE_TYPE_U8:
	case WIRE_TYPE_I8:
		return 8;
	case WIRE_TYPE_U16:
	case WIRE_TYPE_I16:
		return 16;
	case WIRE_TYPE_U32:
	case WIRE_TYPE_I32:
		return 32;
	default:
		return 64;
	}
}

/* A constant that the type cannot hold makes a condition that is always or never true. */
static int check_range(struct parser *p, size_t at, int type, bool negative)
{
	unsigned int bits = type_bits(type);
	uint64_t max = UINT64_MAX >> (64 - bits + is_signed(type));

	if (negative && !is_signed(type))
		return fail(p, at, "an unsigned value is never negative: name a signed type");
	if (negative ? -p->v.rhs > max + 1 : p->v.rhs > max)
		return fail(p, at, "the constant does not fit into the value's type");
	return 0;
}

static int usual_type(const struct parser *p, bool negative)
{
	bool order = p->v.op != WIRE_OP_EQ && p->v.op != WIRE_OP_NE;
	int64_t rhs = (int64_t)p->v.rhs;

	if (!order && !negative)
		return WIRE_TYPE_U64;
	if (rhs < 0 && !negative)
		return WIRE_TYPE_U64;
	return rhs >= INT32_MIN && rhs <= INT32_MAX ? WIRE_TYPE_I32 : WIRE_TYPE_I64;
}

/*
 * Letters of either case: `~=` compares the whole text, `^=` what it begins with (no NUL).  The BPF
 * side makes the target's letters small where ours are.
 */
static int parse_like(struct parser *p, size_t at, bool begins)
{
	unsigned char bytes[8];

	memcpy(bytes, &p->v.rhs, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++) {
		if (bytes[i] >= '`' && !islower(bytes[i]))
			return fail(p, at,
				    "no other characters than letters, digits and the "
				    "usual signs where case does not matter");
		bytes[i] = (unsigned char)tolower(bytes[i]);
	}
	memcpy(&p->v.rhs, bytes, sizeof(bytes));
	if (begins && !--p->v.str_bytes)
		return fail(p, at, "every text begins with nothing");
	return 0;
}

static int parse_comparison(struct parser *p, int *type)
{
	size_t at, constant_at;
	bool negative = false, begins;
	int err;

	skip_space(p);
	at = p->at;
	begins = p->text[at] == '^';
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]) && !p->v.op; i++) {
		if (strncmp(p->text + p->at, ops[i].text, strlen(ops[i].text)))
			continue;
		p->v.op = (__u8)ops[i].op;
		p->at += strlen(ops[i].text);
	}
	if (!p->v.op)
		return fail(p, at, "expected a comparison: == != < <= > >= ~= ^=");
	skip_space(p);
	constant_at = p->at;
	err = parse_constant(p, &negative);
	if (err)
		return err;
	if (p->v.str_bytes) {
		if (*type >= 0 && *type != WIRE_TYPE_STR)
			return fail(p, constant_at, "text can be compared with type str only");
		*type = WIRE_TYPE_STR;
		if (p->v.op == WIRE_OP_LIKE)
			return parse_like(p, constant_at, begins);
		if (p->v.op != WIRE_OP_EQ && p->v.op != WIRE_OP_NE)
			return fail(p, at, "text can be compared by ==, !=, ~= and ^= only");
		return 0;
	}
	if (p->v.op == WIRE_OP_LIKE)
		return fail(p, at, "~= and ^= compare text in quotes");
	if (*type == WIRE_TYPE_STR)
		return fail(p, constant_at, "type str is compared with text in quotes");
	if (*type < 0)
		*type = usual_type(p, negative);
	return check_range(p, constant_at, *type, negative);
}

static int parse_all(struct parser *p, int type)
{
	int err;

	skip_space(p);
	if ((p->flags & EXPR_CONSTANT) && isdigit((unsigned char)p->text[p->at])) {
		err = parse_integer(p, (uint64_t *)&p->v.rhs);
		p->v.base = WIRE_BASE_CONST;
	} else {
		err = parse_type(p, &type);
		if (!err)
			err = parse_term(p);
		if (!err && (p->flags & EXPR_CONDITION))
			err = parse_comparison(p, &type);
	}
	if (err)
		return err;
	skip_space(p);
	if (p->text[p->at])
		return fail(p, p->at,
			    p->flags & EXPR_CONDITION ? "unexpected text after the condition"
						      : "unexpected text after the value");
	p->v.type = (__u8)(type < 0 || p->v.base == WIRE_BASE_CONST ? WIRE_TYPE_U64 : type);
	if (p->v.type == WIRE_TYPE_STR && !(p->flags & EXPR_CONDITION))
		return fail(p, 0, "type str is for comparisons only");
	return 0;
}

int expr_parse(const char *text, unsigned int flags, int type, struct wire_value *value, char *err,
	       size_t err_size, size_t *err_at)
{
	struct parser p = {.text = text, .flags = flags, .err = err, .err_size = err_size};
	int ret = parse_all(&p, type);

	memset(value, 0, sizeof(*value));
	*err_at = p.err_at;
	if (!ret)
		*value = p.v;
	return ret;
}

bool expr_uses_ret(const struct wire_value *value)
{
	return value->base == WIRE_BASE_RET;
}
