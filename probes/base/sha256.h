/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104), for request signatures. */
#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32
#define SHA256_HEX (2 * SHA256_SIZE + 1) /* with its NUL */

void sha256(const void *data, size_t size, uint8_t ret[static SHA256_SIZE]);

/* `ret` may be the key itself. */
void hmac_sha256(const void *key, size_t key_size, const void *data, size_t size,
	uint8_t ret[static SHA256_SIZE]);

/* Lower-case hexadecimal. */
void sha256_format(const uint8_t digest[static SHA256_SIZE], char ret[static SHA256_HEX]);

#endif
