/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 and HMAC: our own, so that a signature needs no cryptographic library.
 *
 * The round constants are the first 32 bits of the fractional parts of the cube roots of the first
 * 64 primes.  Intermediate state of an HMAC depends on a secret and is wiped.
 */
#include "sha256.h"

#include <string.h>

struct sha256 {
	uint32_t state[8];
	uint8_t block[64];
	uint64_t total;
};

static const uint32_t round_constants[64] = {
	0x428a2f98,
	0x71374491,
	0xb5c0fbcf,
	0xe9b5dba5,
	0x3956c25b,
	0x59f111f1,
	0x923f82a4,
	0xab1c5ed5,
	0xd807aa98,
	0x12835b01,
	0x243185be,
	0x550c7dc3,
	0x72be5d74,
	0x80deb1fe,
	0x9bdc06a7,
	0xc19bf174,
	0xe49b69c1,
	0xefbe4786,
	0x0fc19dc6,
	0x240ca1cc,
	0x2de92c6f,
	0x4a7484aa,
	0x5cb0a9dc,
	0x76f988da,
	0x983e5152,
	0xa831c66d,
	0xb00327c8,
	0xbf597fc7,
	0xc6e00bf3,
	0xd5a79147,
	0x06ca6351,
	0x14292967,
	0x27b70a85,
	0x2e1b2138,
	0x4d2c6dfc,
	0x53380d13,
	0x650a7354,
	0x766a0abb,
	0x81c2c92e,
	0x92722c85,
	0xa2bfe8a1,
	0xa81a664b,
	0xc24b8b70,
	0xc76c51a3,
	0xd192e819,
	0xd6990624,
	0xf40e3585,
	0x106aa070,
	0x19a4c116,
	0x1e376c08,
	0x2748774c,
	0x34b0bcb5,
	0x391c0cb3,
	0x4ed8aa4a,
	0x5b9cca4f,
	0x682e6ff3,
	0x748f82ee,
	0x78a5636f,
	0x84c87814,
	0x8cc70208,
	0x90befffa,
	0xa4506ceb,
	0xbef9a3f7,
	0xc67178f2,
};

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

static void expand(const uint8_t block[static 64], uint32_t w[static 64])
{
	for (unsigned i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
			(uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
	for (unsigned i = 16; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];

		w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 7] +
			(rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
	}
}

static void compress(uint32_t state[static 8], const uint8_t block[static 64])
{
	uint32_t w[64], s[8];

	expand(block, w);
	memcpy(s, state, sizeof(s));
	for (unsigned i = 0; i < 64; i++) {
		uint32_t e = s[4], a = s[0];
		uint32_t t1 = s[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
			((e & s[5]) ^ (~e & s[6])) + round_constants[i] + w[i];
		uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
			((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));

		memmove(s + 1, s, 7 * sizeof(*s));
		s[4] += t1;
		s[0] = t1 + t2;
	}
	for (unsigned i = 0; i < 8; i++)
		state[i] += s[i];
}

static void start(struct sha256 *h)
{
	static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

	memcpy(h->state, first, sizeof(first));
	h->total = 0;
}

static void add(struct sha256 *h, const void *data, size_t size)
{
	const uint8_t *at = data;

	while (size > 0) {
		size_t used = h->total % 64, take = 64 - used < size ? 64 - used : size;

		memcpy(h->block + used, at, take);
		h->total += take;
		at += take;
		size -= take;
		if (h->total % 64 == 0)
			compress(h->state, h->block);
	}
}

static void finish(struct sha256 *h, uint8_t ret[static SHA256_SIZE])
{
	static const uint8_t padding[64] = {0x80};
	uint64_t bits = h->total * 8;
	uint8_t length[8];

	for (unsigned i = 0; i < 8; i++)
		length[i] = (uint8_t)(bits >> (56 - 8 * i));
	add(h, padding, 1 + (119 - h->total % 64) % 64);
	add(h, length, sizeof(length));
	for (unsigned i = 0; i < SHA256_SIZE; i++)
		ret[i] = (uint8_t)(h->state[i / 4] >> (24 - 8 * (i % 4)));
	explicit_bzero(h, sizeof(*h));
}

void sha256(const void *data, size_t size, uint8_t ret[static SHA256_SIZE])
{
	struct sha256 h;

	start(&h);
	add(&h, data, size);
	finish(&h, ret);
}

/* One of the two hashes of an HMAC: of the padded key, then the data. */
static void hash_keyed(const uint8_t key[static 64], uint8_t pad, const void *data, size_t size,
	uint8_t ret[static SHA256_SIZE])
{
	struct sha256 h;
	uint8_t block[64];

	for (unsigned i = 0; i < 64; i++)
		block[i] = key[i] ^ pad;
	start(&h);
	add(&h, block, sizeof(block));
	add(&h, data, size);
	finish(&h, ret);
	explicit_bzero(block, sizeof(block));
}

void hmac_sha256(const void *key, size_t key_size, const void *data, size_t size,
	uint8_t ret[static SHA256_SIZE])
{
	uint8_t block[64] = {0}, inner[SHA256_SIZE];

	if (key_size > sizeof(block))
		sha256(key, key_size, block);
	else if (key_size > 0)
		memcpy(block, key, key_size);
	hash_keyed(block, 0x36, data, size, inner);
	hash_keyed(block, 0x5c, inner, sizeof(inner), ret);
	explicit_bzero(block, sizeof(block));
}

void sha256_format(const uint8_t digest[static SHA256_SIZE], char ret[static SHA256_HEX])
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned i = 0; i < SHA256_SIZE; i++) {
		ret[2 * i] = digits[digest[i] >> 4];
		ret[2 * i + 1] = digits[digest[i] & 15];
	}
	ret[SHA256_HEX - 1] = '\0';
}
