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
 * Bytes are looked at by 16: the positions of parentheses become a mask, and the others only a
 * "none of these".  Where that is not to be had, byte by byte.
 */
#include <pelorus/sql_plain.h>

#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
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

static enum verb read_verb(const char *text)
{
	uint64_t word = load8(text) | FOLD, seven = word & UINT64_C(0x00ffffffffffffff);

	if (seven == W7('s', 'e', 'l', 'e', 'c', 't', ' ') ||
		seven == W7('u', 'p', 'd', 'a', 't', 'e', ' ') ||
		seven == W7('d', 'e', 'l', 'e', 't', 'e', ' '))
		return VERB_OTHER;
	if (word == W8('i', 'n', 's', 'e', 'r', 't', ' ', 'i') &&
		(load8(text + 4) | FOLD) == W8('r', 't', ' ', 'i', 'n', 't', 'o', ' '))
		return VERB_INSERT_INTO;
	if (seven == W7('i', 'n', 's', 'e', 'r', 't', ' ') ||
		word == W8('r', 'e', 'p', 'l', 'a', 'c', 'e', ' '))
		return VERB_OTHER;
	return VERB_NONE;
}

#ifdef __SSE2__

static __m128i load16(const char *at)
{
	return _mm_loadu_si128((const __m128i *)(const void *)at);
}

static uint64_t equal(__m128i block, char c)
{
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8(c)));
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
	unsigned ticks = (unsigned)equal(block, '`') & before;

	if (end == 0 || end > 14 || (ticks != 0 && (end < 3 || ticks != (1u | 1u << (end - 1)))))
		return 0;
	end += text[12 + end] == ' ';
	return text[12 + end] == '(' ? 12 + end : 0;
}

/* Parentheses behind `skip`, and no byte that is not judged here. */
static bool judge_blocks(const char *text, size_t n, size_t skip)
{
	const __m128i at = _mm_set1_epi8('@'), semicolon = _mm_set1_epi8(';');
	__m128i others = _mm_setzero_si128();

	for (size_t base = 0, i; base < n; base += 64) {
		uint64_t parens = 0;

		for (i = 0; i < 64 && base + i < n; i += 16) {
			size_t from = base + i + 16 <= n ? base + i : n - 16;
			__m128i block = load16(text + from);

			others = _mm_or_si128(others, _mm_or_si128(_mm_cmpeq_epi8(block, at),
							      _mm_cmpeq_epi8(block, semicolon)));
			parens |= equal(block, '(') >> (base + i - from) << i;
		}
		for (; parens != 0; parens &= parens - 1) {
			size_t paren = base + (size_t)__builtin_ctzll(parens);

			if (paren > skip && !may_open(text, text + paren))
				return false;
		}
	}
	return _mm_movemask_epi8(others) == 0;
}

#else

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

static bool judge_blocks(const char *text, size_t n, size_t skip)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '@' || text[i] == ';')
			return false;
		if (text[i] == '(' && i > skip && !may_open(text, text + i))
			return false;
	}
	return true;
}

#endif

bool pel_sql_is_harmless(const char *text, size_t n)
{
	size_t skip = 0;

	if (n < 32) {
		char padded[32];

		if (n < 8)
			return false;
		memset(padded, ' ', sizeof(padded));
		memcpy(padded, text, n);
		return read_verb(padded) != VERB_NONE && judge_blocks(padded, 32, 0);
	}
	switch (read_verb(text)) {
	case VERB_NONE:
		return false;
	case VERB_INSERT_INTO:
		skip = open_columns(text);
		break;
	case VERB_OTHER:
		break;
	}
	return judge_blocks(text, n, skip);
}
