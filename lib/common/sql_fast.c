/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The quick look: most statements of most programs, in about one instruction per byte.
 *
 * Nothing is parsed, and quotes and comments are not told from the rest: every byte is judged as if
 * the server executed it, which errs on the strict side only.  A statement that begins with one of
 * five verbs leaves something in its session only by a variable (@), by a second statement (;) or
 * by a call, and a call needs a parenthesis: each is judged by what stands right before it, be it
 * punctuation, a listed word, or, in an INSERT, the name of the table.  Whether it may be executed
 * again is another question: INTO OUTFILE passes here.
 *
 * 64 bytes are looked at in one go, as two halves that may overlap; the places of parentheses,
 * variables and semicolons become a mask, which is mostly empty.  AVX2 does that in a dozen
 * instructions, SSE2 in fifty; elsewhere it is done by bytes.
 */
#include "sql_plain.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <cpuid.h>
#include <immintrin.h>
#endif

#define HALF 32 /* bytes that are looked at in one go: one mask's bits */

#define FOLD UINT64_C(0x2020202020202020)
#define TOPS UINT64_C(0x8080808080808080)
#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

#define W2(a, b) ((uint64_t)(a) | (uint64_t)(b) << 8)
#define W3(a, b, c) (W2(a, b) | (uint64_t)(c) << 16)
#define W4(a, b, c, d) (W2(a, b) | W2(c, d) << 16)
#define W5(a, b, c, d, e) (W4(a, b, c, d) | (uint64_t)(e) << 32)
#define W6(a, b, c, d, e, f) (W4(a, b, c, d) | W2(e, f) << 32)
#define W7(a, b, c, d, e, f, g) (W4(a, b, c, d) | W3(e, f, g) << 32)
#define W8(a, b, c, d, e, f, g, h) (W4(a, b, c, d) | W4(e, f, g, h) << 32)

/* Reserved words: a space between them and the parenthesis changes nothing. */
static const uint64_t keywords[] = {
	W6('v', 'a', 'l', 'u', 'e', 's'),
	W2('i', 'n'),
	W3('a', 'n', 'd'),
	W2('o', 'r'),
	W5('w', 'h', 'e', 'r', 'e'),
	W2('o', 'n'),
	W3('n', 'o', 't'),
	W4('f', 'r', 'o', 'm'),
	W4('j', 'o', 'i', 'n'),
	W2('a', 's'),
	W6('e', 'x', 'i', 's', 't', 's'),
	W6('s', 'e', 'l', 'e', 'c', 't'),
};

/* Built-in functions, if the parenthesis follows at once. */
static const uint64_t functions[] = {
	W5('c', 'o', 'u', 'n', 't'),
	W3('n', 'o', 'w'),
	W3('m', 'a', 'x'),
	W3('m', 'i', 'n'),
	W3('s', 'u', 'm'),
	W8('c', 'o', 'a', 'l', 'e', 's', 'c', 'e'),
	W6('i', 'f', 'n', 'u', 'l', 'l'),
	W2('i', 'f'),
	W6('c', 'o', 'n', 'c', 'a', 't'),
	W5('l', 'o', 'w', 'e', 'r'),
	W5('u', 'p', 'p', 'e', 'r'),
	W4('d', 'a', 't', 'e'),
	W6('l', 'e', 'n', 'g', 't', 'h'),
	W3('a', 'v', 'g'),
	W4('c', 'a', 's', 't'),
};

static uint64_t load8(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

static bool is_listed(const uint64_t *list, size_t n, uint64_t word)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i] == word)
			return true;
	}
	return false;
}

#define LISTED(list, word) is_listed(list, sizeof(list) / sizeof(*(list)), word)

/* Whether a word that follows this character begins there, and is not qualified by what precedes. */
static bool is_border(unsigned char c)
{
	return c == ' ' || c == ',' || c == '(' || c == '=' || c == ')';
}

/* The letters right before `at`, of which eight bytes are there; 0 if they are not a whole word. */
static uint64_t word_before(const char *at)
{
	uint64_t raw = load8(at - 8), low = (raw | FOLD) & ~TOPS;
	uint64_t letters = (low + EACH(0x80 - 'a')) & ~(low + EACH(0x80 - 'z' - 1)) & ~raw & TOPS;
	uint64_t others = letters ^ TOPS;
	unsigned bits;

	if (others == 0)
		return is_border((unsigned char)at[-9]) ? low : 0;
	bits = (unsigned)__builtin_clzll(others) & ~7u;
	if (bits == 0 || !is_border((unsigned char)(raw >> (56 - bits))))
		return 0;
	return low >> (64 - bits);
}

/* A parenthesis at `at`, with a verb and a space somewhere before it; false if it may be a call. */
static bool may_open(const char *text, const char *at)
{
	bool spaced = at[-1] == ' ';
	uint64_t word;

	if (at - text >= 16 &&
		(load8(at - 7 - spaced) | FOLD) << 8 == W7(' ', 'v', 'a', 'l', 'u', 'e', 's') << 8)
		return true;
	at -= spaced;
	switch (at[-1]) {
	case ',':
	case '(':
	case '=':
	case '<':
	case '>':
	case '+':
	case '*':
		return true;
	default:
		break;
	}
	if (at - text < 9)
		return false;
	word = word_before(at);
	if (word == 0)
		return false;
	return (!spaced && LISTED(functions, word)) || LISTED(keywords, word);
}

enum verb { VERB_NONE, VERB_INSERT_INTO, VERB_OTHER };

static inline __attribute__((always_inline)) enum verb read_verb(const char *text)
{
	uint64_t word = load8(text) | FOLD, seven = word << 8;

	if (seven == W7('s', 'e', 'l', 'e', 'c', 't', ' ') << 8)
		return VERB_OTHER;
	if (word == W8('i', 'n', 's', 'e', 'r', 't', ' ', 'i') &&
		(load8(text + 4) | FOLD) == W8('r', 't', ' ', 'i', 'n', 't', 'o', ' '))
		return VERB_INSERT_INTO;
	if (seven == W7('u', 'p', 'd', 'a', 't', 'e', ' ') << 8 ||
		seven == W7('d', 'e', 'l', 'e', 't', 'e', ' ') << 8 ||
		seven == W7('i', 'n', 's', 'e', 'r', 't', ' ') << 8 ||
		word == W8('r', 'e', 'p', 'l', 'a', 'c', 'e', ' '))
		return VERB_OTHER;
	return VERB_NONE;
}

/* Where in two halves of a statement, HALF bytes each, there is one of "(@;": a's in the low word. */
typedef uint64_t scan_fn(const char *a, const char *b);

#ifdef __SSE2__

static __m128i load16(const char *at)
{
	return _mm_loadu_si128((const __m128i *)(const void *)at);
}

static inline uint64_t equal16(__m128i block, char c)
{
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8(c)));
}

static inline uint64_t marks16(const char *at)
{
	__m128i block = load16(at);

	return equal16(block, '(') | equal16(block, '@') | equal16(block, ';');
}

static inline __attribute__((always_inline)) uint64_t scan_sse2(const char *a, const char *b)
{
	return marks16(a) | marks16(a + 16) << 16 | marks16(b) << 32 | marks16(b + 16) << 48;
}

/* Each at the place that its low four bits give; elsewhere a byte whose low bits are others. */
#define MARKED '@', -1, -1, -1, -1, -1, -1, -1, '(', -1, -1, ';', -1, -1, -1, 0

__attribute__((target("avx2"), always_inline)) static inline __m256i marks32(const char *at)
{
	const __m256i marked = _mm256_setr_epi8(MARKED, MARKED);
	__m256i block = _mm256_loadu_si256((const __m256i *)(const void *)at);

	return _mm256_cmpeq_epi8(_mm256_shuffle_epi8(marked, block), block);
}

__attribute__((target("avx2"), always_inline)) static inline uint64_t scan_avx2(const char *a,
	const char *b)
{
	__m256i low = marks32(a), high = marks32(b), both = _mm256_or_si256(low, high);

	if (__builtin_expect(_mm256_testz_si256(both, both), 1))
		return 0;
	return (unsigned)_mm256_movemask_epi8(low) |
		(uint64_t)(unsigned)_mm256_movemask_epi8(high) << 32;
}

/*
 * Where the list of columns opens behind "insert into NAME", as an offset; 0 if that is not surely
 * the name alone: short, unqualified, and ticks only around it.
 */
static size_t open_columns(const char *text)
{
	__m128i block = load16(text + 12), top = _mm_set1_epi8('/');
	unsigned low = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(block, top), block));
	unsigned end = (unsigned)__builtin_ctz(low | 0x10000);
	unsigned ticks = (unsigned)equal16(block, '`');

	if (end == 0 || end > 14)
		return 0;
	if (__builtin_expect(ticks != 0, 0)) {
		ticks &= (1u << end) - 1;
		if (ticks != 0 && (end < 3 || ticks != (1u | 1u << (end - 1))))
			return 0;
	}
	end += text[12 + end] == ' ';
	return text[12 + end] == '(' ? 12 + end : 0;
}

#else

static inline uint64_t marks32(const char *at)
{
	uint64_t marks = 0;

	for (unsigned i = 0; i < HALF; i++)
		marks |= (uint64_t)(at[i] == '(' || at[i] == '@' || at[i] == ';') << i;
	return marks;
}

static inline __attribute__((always_inline)) uint64_t scan_bytes(const char *a, const char *b)
{
	return marks32(a) | marks32(b) << 32;
}

static size_t open_columns(const char *text)
{
	size_t end = 12;

	while ((text[end] | 0x20) >= 'a' && (text[end] | 0x20) <= 'z' && end < 24)
		end++;
	if (end == 12)
		return 0;
	end += text[end] == ' ';
	return text[end] == '(' ? end : 0;
}

#endif

/* What scan() marked in the statement: parentheses alone, none of them a call. */
static __attribute__((noinline)) bool may_all_open(const char *text, const char *a, const char *b,
	uint64_t marks, enum verb verb)
{
	const char *columns =
		verb == VERB_INSERT_INTO && a == text ? text + open_columns(text) : NULL;

	for (; marks != 0; marks &= marks - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(marks);
		const char *at = (bit < HALF ? a : b - HALF) + bit;

		if (*at != '(' || (at != columns && !may_open(text, at)))
			return false;
	}
	return true;
}

/* The last half overlaps the one before it. */
static inline __attribute__((always_inline)) bool judge_from(const char *text, size_t n,
	enum verb verb, scan_fn *scan)
{
	const char *a = text, *b, *last = text + n - HALF;

	for (;; a = b + HALF) {
		uint64_t marks;

		a = a < last ? a : last;
		b = a + HALF < last ? a + HALF : last;
		marks = scan(a, b);
		if (marks != 0 && !may_all_open(text, a, b, marks, verb))
			return false;
		if (b == last)
			return true;
	}
}

typedef bool judge_fn(const char *text, size_t n);

/* A short one is judged within a longer one. */
static __attribute__((noinline)) bool judge_short(const char *text, size_t n, judge_fn *judge)
{
	size_t part = n < 16 ? 8 : 16;
	char padded[HALF];

	if (n < 8 || n >= HALF)
		return false;
	memset(padded, ' ', sizeof(padded));
	memcpy(padded, text, part);
	memcpy(padded + n - part, text + n - part, part);
	return judge(padded, HALF);
}

/* No statement is longer; "up to the NUL" is. */
#define LONGEST ((size_t)1 << 30)

/* Compiled into each of its callers, so that `scan` is no call. */
static inline __attribute__((always_inline)) bool judge(const char *text, size_t n, scan_fn *scan,
	judge_fn *self)
{
	enum verb verb;

	if (n - HALF > LONGEST)
		return judge_short(text, n, self);
	verb = read_verb(text);
	return verb != VERB_NONE && judge_from(text, n, verb, scan);
}

#ifdef __SSE2__

static bool judge_sse2(const char *text, size_t n)
{
	return judge(text, n, scan_sse2, judge_sse2);
}

static __attribute__((target("avx2"), noinline)) bool judge_long_avx2(const char *text, size_t n)
{
	return judge(text, n, scan_avx2, judge_long_avx2);
}

/* Two halves, the most common statement, need no register saved. */
__attribute__((target("avx2"))) static bool judge_avx2(const char *text, size_t n)
{
	const char *b = text + n - HALF;
	enum verb verb;
	uint64_t marks;

	if (n - HALF > HALF)
		return judge_long_avx2(text, n);
	verb = read_verb(text);
	if (verb == VERB_NONE)
		return false;
	marks = scan_avx2(text, b);
	return marks == 0 || may_all_open(text, text, b, marks, verb);
}

/* By hand: the compiler's own helper is larger than all of this file. */
static bool has_avx2(void)
{
	unsigned a, b, c, d, low, high;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX))
		return false;
	__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	/* The system keeps both halves of the registers. */
	return (low & 6) == 6 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2);
}

static bool judge_first(const char *text, size_t n);
static judge_fn *_Atomic judge_best = judge_first;

static bool judge_first(const char *text, size_t n)
{
	judge_fn *best;

	best = has_avx2() ? judge_avx2 : judge_sse2;
	atomic_store_explicit(&judge_best, best, memory_order_relaxed);
	return best(text, n);
}

bool pel_sql_is_harmless(const char *text, size_t n)
{
	return atomic_load_explicit(&judge_best, memory_order_relaxed)(text, n);
}

#else

bool pel_sql_is_harmless(const char *text, size_t n)
{
	return judge(text, n, scan_bytes, pel_sql_is_harmless);
}

#endif
