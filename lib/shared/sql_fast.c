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
 * 64 bytes are looked at in one go: the places of parentheses become a mask, the others only a "none
 * of these".  AVX2 does that in a dozen instructions, SSE2 in fifty; elsewhere it is done by bytes.
 */
#include <pelorus/sql_plain.h>

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <cpuid.h>
#include <immintrin.h>
#endif

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
		((load8(at - 7 - spaced) | FOLD) & UINT64_C(0x00ffffffffffffff)) ==
			W7(' ', 'v', 'a', 'l', 'u', 'e', 's'))
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
	return LISTED(keywords, word) || (!spaced && LISTED(functions, word));
}

enum verb { VERB_NONE, VERB_INSERT_INTO, VERB_OTHER };

static inline __attribute__((always_inline)) enum verb read_verb(const char *text)
{
	uint64_t word = load8(text) | FOLD, seven = word & UINT64_C(0x00ffffffffffffff);

	if (seven == W7('s', 'e', 'l', 'e', 'c', 't', ' '))
		return VERB_OTHER;
	if (word == W8('i', 'n', 's', 'e', 'r', 't', ' ', 'i') &&
		(load8(text + 4) | FOLD) == W8('r', 't', ' ', 'i', 'n', 't', 'o', ' '))
		return VERB_INSERT_INTO;
	if (seven == W7('u', 'p', 'd', 'a', 't', 'e', ' ') ||
		seven == W7('d', 'e', 'l', 'e', 't', 'e', ' ') ||
		seven == W7('i', 'n', 's', 'e', 'r', 't', ' ') ||
		word == W8('r', 'e', 'p', 'l', 'a', 'c', 'e', ' '))
		return VERB_OTHER;
	return VERB_NONE;
}

/* 64 bytes: the places of the parentheses as a mask; false if there is a byte not judged here. */
typedef bool scan_fn(const char *text, uint64_t *ret_parens);

#ifdef __SSE2__

static __m128i load16(const char *at)
{
	return _mm_loadu_si128((const __m128i *)(const void *)at);
}

static inline uint64_t equal16(__m128i block, char c)
{
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8(c)));
}

static inline __m128i others16(__m128i block)
{
	return _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('@')),
		_mm_cmpeq_epi8(block, _mm_set1_epi8(';')));
}

static inline __attribute__((always_inline)) bool scan_sse2(const char *text, uint64_t *ret_parens)
{
	__m128i a = load16(text), b = load16(text + 16), c = load16(text + 32);
	__m128i d = load16(text + 48);
	__m128i others = _mm_or_si128(_mm_or_si128(others16(a), others16(b)),
		_mm_or_si128(others16(c), others16(d)));

	*ret_parens = equal16(a, '(') | equal16(b, '(') << 16 | equal16(c, '(') << 32 |
		      equal16(d, '(') << 48;
	return _mm_movemask_epi8(others) == 0;
}

__attribute__((target("avx2"), always_inline)) static inline bool scan_avx2(const char *text, uint64_t *ret_parens)
{
	const __m256i at = _mm256_set1_epi8('@'), semicolon = _mm256_set1_epi8(';');
	const __m256i paren = _mm256_set1_epi8('(');
	__m256i a = _mm256_loadu_si256((const __m256i *)(const void *)text);
	__m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(text + 32));
	__m256i others = _mm256_or_si256(
		_mm256_or_si256(_mm256_cmpeq_epi8(a, at), _mm256_cmpeq_epi8(a, semicolon)),
		_mm256_or_si256(_mm256_cmpeq_epi8(b, at), _mm256_cmpeq_epi8(b, semicolon)));

	*ret_parens = (unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(a, paren)) |
		      (uint64_t)(unsigned)_mm256_movemask_epi8(_mm256_cmpeq_epi8(b, paren)) << 32;
	return _mm256_testz_si256(others, others);
}

/*
 * Where the list of columns opens behind "insert into NAME", as an offset; 0 if that is not surely
 * the name alone: short, unqualified, and ticks only around it.
 */
static size_t open_columns(const char *text)
{
	__m128i block = load16(text + 12), top = _mm_set1_epi8('/');
	unsigned low = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(block, top), block));
	unsigned end = (unsigned)__builtin_ctz(low | 0x10000), before = (1u << end) - 1;
	unsigned ticks = (unsigned)equal16(block, '`') & before;

	if (end == 0 || end > 14 || (ticks != 0 && (end < 3 || ticks != (1u | 1u << (end - 1)))))
		return 0;
	end += text[12 + end] == ' ';
	return text[12 + end] == '(' ? 12 + end : 0;
}

#else

static inline __attribute__((always_inline)) bool scan_bytes(const char *text, uint64_t *ret_parens)
{
	bool others = false;

	*ret_parens = 0;
	for (unsigned i = 0; i < 64; i++) {
		others |= text[i] == '@' || text[i] == ';';
		*ret_parens |= (uint64_t)(text[i] == '(') << i;
	}
	return !others;
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

/* The parentheses of `window`, which lies in the statement, but for the one at `skip`. */
static bool may_all_open(const char *text, const char *window, uint64_t parens, const char *skip)
{
	for (; parens != 0; parens &= parens - 1) {
		const char *at = window + __builtin_ctzll(parens);

		if (at != skip && !may_open(text, at))
			return false;
	}
	return true;
}

/*
 * n is 64 or more; the last window overlaps the one before it.  Compiled into each of its callers,
 * so that `scan` is no call.
 */
static inline __attribute__((always_inline)) bool judge(const char *text, size_t n, scan_fn *scan)
{
	const char *window = text, *last = text + n - 64, *skip = NULL;
	enum verb verb = read_verb(text);
	uint64_t parens;

	if (verb == VERB_NONE)
		return false;
	if (verb == VERB_INSERT_INTO)
		skip = text + open_columns(text);
	for (;;) {
		if (!scan(window, &parens))
			return false;
		if (parens != 0 && !may_all_open(text, window, parens, skip))
			return false;
		if (window == last)
			return true;
		window += 64;
		if (window > last)
			window = last;
	}
}

#ifdef __SSE2__

typedef bool judge_fn(const char *text, size_t n);

static bool judge_sse2(const char *text, size_t n)
{
	return judge(text, n, scan_sse2);
}

__attribute__((target("avx2"))) static bool judge_avx2(const char *text, size_t n)
{
	return judge(text, n, scan_avx2);
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

static bool judge_here(const char *text, size_t n)
{
	return atomic_load_explicit(&judge_best, memory_order_relaxed)(text, n);
}

#else

static bool judge_here(const char *text, size_t n)
{
	return judge(text, n, scan_bytes);
}

#endif

bool pel_sql_is_harmless(const char *text, size_t n)
{
	char padded[64];

	if (__builtin_expect(n >= 64, 1))
		return judge_here(text, n);
	if (n < 8)
		return false;
	memset(padded, ' ', sizeof(padded));
	memcpy(padded, text, n);
	return judge_here(padded, 64);
}
