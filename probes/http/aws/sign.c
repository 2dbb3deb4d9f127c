/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS Signature Version 4.
 *
 * A request is brought into a canonical form (method, path, sorted query, sorted headers, hash of
 * the body), the form is hashed into a text to sign together with date and scope, and the text is
 * signed with a key derived from the secret, date, region and service.  A header signature and a
 * presigned URL differ only in where the parameters of the signature stand: in headers, or in the
 * query.  libcurl's own signing is not used: 7.88 leaves an unsorted query unsorted, adds no
 * session token and cannot presign.
 *
 * The canonical form and the query share one buffer on the stack: a session token is about 1 kB,
 * so AWS_TOKEN_MAX leaves room.
 */
#include "sign.h"

#include "base/buf.h"
#include "base/url.h"

#include "common/names.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define HASH_SIZE 32
#define HASH_HEX (2 * HASH_SIZE + 1) /* with its NUL */

struct pairs {
	struct aws_pair at[AWS_SIGN_PAIRS];
	size_t n;
};

/* What both kinds of signature work on. */
struct signing {
	const struct aws_request *request;
	const struct aws_key *key;
	char date[AWS_DATE_SIZE];
	char scope[128];
	char signed_headers[512];
	struct pairs headers;
	struct pairs query;
};

static int add_pair(struct pairs *pairs, const char *name, const char *value)
{
	if (pairs->n == AWS_SIGN_PAIRS)
		return -EINVAL;
	pairs->at[pairs->n++] = (struct aws_pair){name, value};
	return 0;
}

static int add_pairs(struct pairs *pairs, const struct aws_pair *more, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (add_pair(pairs, more[i].name, more[i].value) < 0)
			return -EINVAL;
	}
	return 0;
}

/* Stable, for headers of one name keep their order; the sets are tiny. */
static void sort_pairs(struct pairs *pairs,
	int (*compare)(const struct aws_pair *, const struct aws_pair *))
{
	for (size_t i = 1; i < pairs->n; i++) {
		struct aws_pair moved = pairs->at[i];
		size_t j = i;

		for (; j > 0 && compare(&pairs->at[j - 1], &moved) > 0; j--)
			pairs->at[j] = pairs->at[j - 1];
		pairs->at[j] = moved;
	}
}

static int compare_header(const struct aws_pair *a, const struct aws_pair *b)
{
	return strcasecmp(a->name, b->name);
}

/* Order of the encoded names: an encoded byte starts with '%', below every unreserved one. */
static int compare_encoded(const char *a, const char *b)
{
	char x[512], y[512];
	struct buf tx, ty;

	buf_init(&tx, x, sizeof(x));
	buf_init(&ty, y, sizeof(y));
	buf_add_percent(&tx, a, "");
	buf_add_percent(&ty, b, "");
	return strcmp(x, y);
}

static int compare_query(const struct aws_pair *a, const struct aws_pair *b)
{
	int order = compare_encoded(a->name, b->name);

	return order ? order : compare_encoded(a->value, b->value);
}

static void add_query(struct buf *buf, const struct pairs *query)
{
	for (size_t i = 0; i < query->n; i++) {
		buf_add(buf, i ? "&" : "");
		buf_add_percent(buf, query->at[i].name, "");
		buf_add(buf, "=");
		buf_add_percent(buf, query->at[i].value, "");
	}
}

/* Trimmed, and runs of white space as one space. */
static void add_header_value(struct buf *buf, const char *value)
{
	bool space = false, any = false;

	for (; *value; value++) {
		if (isspace((unsigned char)*value)) {
			space = any;
			continue;
		}
		if (space)
			buf_add(buf, " ");
		buf_add_n(buf, value, 1);
		space = false;
		any = true;
	}
}

static void add_lower(struct buf *buf, const char *word)
{
	for (; *word; word++)
		buf_addf(buf, "%c", tolower((unsigned char)*word));
}

static void add_headers(struct buf *buf, const struct pairs *headers)
{
	for (size_t i = 0; i < headers->n; i++) {
		bool again = i > 0 && compare_header(&headers->at[i - 1], &headers->at[i]) == 0;

		if (again)
			buf->data[--buf->n] = '\0'; /* the line feed of the previous value */
		else
			add_lower(buf, headers->at[i].name);
		buf_add(buf, again ? "," : ":");
		add_header_value(buf, headers->at[i].value);
		buf_add(buf, "\n");
	}
}

static int name_headers(struct signing *s)
{
	struct buf buf;

	buf_init(&buf, s->signed_headers, sizeof(s->signed_headers));
	for (size_t i = 0; i < s->headers.n; i++) {
		if (i > 0 && compare_header(&s->headers.at[i - 1], &s->headers.at[i]) == 0)
			continue;
		buf_add(&buf, i ? ";" : "");
		add_lower(&buf, s->headers.at[i].name);
	}
	return buf_error(&buf);
}

/* Takes the pairs together and fixes date and scope; token and date are added by the callers. */
static int signing_init(struct signing *s, const struct aws_request *request,
	const struct aws_key *key, time_t now)
{
	struct tm tm;
	int n;

	*s = (struct signing){.request = request, .key = key};
	if (!gmtime_r(&now, &tm) || strftime(s->date, sizeof(s->date), "%Y%m%dT%H%M%SZ", &tm) == 0)
		return -EINVAL;
	n = snprintf(s->scope, sizeof(s->scope), "%.8s/%s/%s/aws4_request", s->date,
		request->region, request->service);
	if (n < 0 || (size_t)n >= sizeof(s->scope))
		return -ENOBUFS;
	if (add_pair(&s->headers, "host", request->host) < 0 ||
		add_pairs(&s->headers, request->headers, request->n_headers) < 0)
		return -EINVAL;
	return add_pairs(&s->query, request->query, request->n_query);
}

static void hash_format(const uint8_t hash[static HASH_SIZE], char ret[static HASH_HEX])
{
	for (size_t i = 0; i < HASH_SIZE; i++)
		snprintf(ret + 2 * i, 3, "%02x", hash[i]);
}

/* 0, or -EIO where libcrypto may not or cannot. */
static int hash(const char *data, size_t size, char ret[static HASH_HEX])
{
	uint8_t digest[HASH_SIZE];

	if (!EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL))
		return -EIO;
	hash_format(digest, ret);
	return 0;
}

static int hash_canonical(const struct signing *s, char ret[static HASH_HEX])
{
	char form[3 * AWS_TOKEN_MAX], body[HASH_HEX];
	struct buf buf;
	int r = hash(s->request->body_size ? s->request->body : "", s->request->body_size, body);

	if (r < 0)
		return r;
	buf_init(&buf, form, sizeof(form));
	buf_addf(&buf, "%s\n", s->request->method);
	buf_add_percent(&buf, s->request->path, "/");
	buf_add(&buf, "\n");
	add_query(&buf, &s->query);
	buf_add(&buf, "\n");
	add_headers(&buf, &s->headers);
	buf_addf(&buf, "\n%s\n%s", s->signed_headers, body);
	r = buf_error(&buf);
	return r < 0 ? r : hash(form, buf.n, ret);
}

static int sign(const struct signing *s, char ret[static HASH_HEX])
{
	char first[256], canonical[HASH_HEX], to_sign[512];
	const char *chain[] = {s->request->region, s->request->service, "aws4_request", to_sign};
	uint8_t key[HASH_SIZE];
	int n, r = hash_canonical(s, canonical);
	bool done;

	if (r < 0)
		return r;
	snprintf(to_sign, sizeof(to_sign), ALGORITHM "\n%s\n%s\n%s", s->date, s->scope, canonical);
	n = snprintf(first, sizeof(first), "AWS4%s", s->key->secret);
	if (n < 0 || (size_t)n >= sizeof(first))
		return -ENOBUFS;
	done = HMAC(EVP_sha256(), first, n, (const uint8_t *)s->date, 8, key, NULL);
	for (size_t i = 0; done && i < sizeof(chain) / sizeof(*chain); i++)
		done = HMAC(EVP_sha256(), key, sizeof(key), (const uint8_t *)chain[i],
			strlen(chain[i]), key, NULL);
	if (done)
		hash_format(key, ret);
	explicit_bzero(first, sizeof(first));
	explicit_bzero(key, sizeof(key));
	return done ? 0 : -EIO;
}

int aws_sign(const struct aws_request *request, const struct aws_key *key, time_t now,
	char ret_date[static AWS_DATE_SIZE], char *ret_authorization, size_t size)
{
	char signature[HASH_HEX];
	struct signing s;
	int n, r = signing_init(&s, request, key, now);

	if (r < 0)
		return r;
	if (add_pair(&s.headers, "x-amz-date", s.date) < 0 ||
		(key->token && add_pair(&s.headers, "x-amz-security-token", key->token) < 0))
		return -EINVAL;
	sort_pairs(&s.headers, compare_header);
	sort_pairs(&s.query, compare_query);
	r = name_headers(&s);
	if (r == 0)
		r = sign(&s, signature);
	if (r < 0)
		return r;
	n = snprintf(ret_authorization, size,
		ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s", key->id, s.scope,
		s.signed_headers, signature);
	memcpy(ret_date, s.date, sizeof(s.date));
	return n < 0 || (size_t)n >= size ? -ENOBUFS : 0;
}

int aws_sign_post(const char *url, const struct aws_request *request, const struct aws_key *key,
	time_t now, char ret[static 3][AWS_HEADER_MAX])
{
	struct aws_request post = *request;
	char date[AWS_DATE_SIZE], authorization[960];
	struct url parts;
	int r = url_parse(url, &parts);

	if (r < 0)
		return r;
	post.method = "POST";
	post.host = parts.authority;
	post.path = parts.path;
	post.body_size = strlen(post.body);
	r = aws_sign(&post, key, now, date, authorization, sizeof(authorization));
	if (r < 0)
		return r;
	snprintf(ret[0], AWS_HEADER_MAX, "X-Amz-Date: %s", date);
	snprintf(ret[1], AWS_HEADER_MAX, "Authorization: %s", authorization);
	if (!key->token)
		return 2;
	return snprintf(ret[2], AWS_HEADER_MAX, "X-Amz-Security-Token: %s", key->token) <
			AWS_HEADER_MAX
		? 3
		: -ENOBUFS;
}

int aws_presign(const struct aws_request *request, const struct aws_key *key, time_t now,
	unsigned expires_s, char *ret, size_t size)
{
	char signature[HASH_HEX], credential[256], expires[16];
	struct signing s;
	struct buf buf;
	int r = signing_init(&s, request, key, now);

	if (r < 0)
		return r;
	snprintf(expires, sizeof(expires), "%u", expires_s);
	if ((size_t)snprintf(credential, sizeof(credential), "%s/%s", key->id, s.scope) >=
		sizeof(credential))
		return -ENOBUFS;
	sort_pairs(&s.headers, compare_header);
	r = name_headers(&s);
	if (r < 0)
		return r;
	if (add_pair(&s.query, "X-Amz-Algorithm", ALGORITHM) < 0 ||
		add_pair(&s.query, "X-Amz-Credential", credential) < 0 ||
		add_pair(&s.query, "X-Amz-Date", s.date) < 0 ||
		add_pair(&s.query, "X-Amz-Expires", expires) < 0 ||
		add_pair(&s.query, "X-Amz-SignedHeaders", s.signed_headers) < 0 ||
		(key->token && add_pair(&s.query, "X-Amz-Security-Token", key->token) < 0))
		return -EINVAL;
	sort_pairs(&s.query, compare_query);
	r = sign(&s, signature);
	if (r < 0)
		return r;
	buf_init(&buf, ret, size);
	buf_add(&buf, request->host);
	buf_add_percent(&buf, request->path, "/");
	buf_add(&buf, "?");
	add_query(&buf, &s.query);
	buf_addf(&buf, "&X-Amz-Signature=%s", signature);
	return buf_error(&buf);
}

int aws_rds_token(const struct aws_key *key, const char *region, const char *host, unsigned port,
	const char *user, time_t now, char *ret, size_t size)
{
	struct aws_pair query[] = {{"Action", "connect"}, {"DBUser", user}};
	struct aws_request request = {.method = "GET",
		.path = "/",
		.query = query,
		.n_query = 2,
		.region = region,
		.service = "rds-db"};
	char authority[280];
	int n = snprintf(authority, sizeof(authority), "%s:%u", host, port);

	if (n < 0 || (size_t)n >= sizeof(authority) || port == 0 || port > 65535)
		return -EINVAL;
	request.host = authority;
	return aws_presign(&request, key, now, 900, ret, size);
}

static bool is_region(const char *label, size_t n)
{
	return n >= 9 && isdigit((unsigned char)label[n - 1]) && label[n - 2] == '-' &&
		label[2] == '-';
}

int aws_region_of_host(const char *host, char *ret, size_t size)
{
	char name[PEL_NAME_MAX];
	const char *label;

	if (pel_name_normalise(host, name) < 0 || pel_name_kind(name) == PEL_KIND_OTHER)
		return -ENOENT;
	for (label = strchr(name, '.'); label; label = strchr(label, '.')) {
		size_t n = strcspn(++label, ".");

		if (is_region(label, n) && n < size) {
			memcpy(ret, label, n);
			ret[n] = '\0';
			return 0;
		}
	}
	return -ENOENT;
}

const char *aws_domain_of(const char *region)
{
	static const struct {
		const char *prefix, *domain;
	} partitions[] = {
		{"cn-", "amazonaws.com.cn"},
		{"eusc-", "amazonaws.eu"},
		{"us-iso-", "c2s.ic.gov"},
		{"us-isob-", "sc2s.sgov.gov"},
		{"us-isof-", "csp.hci.ic.gov"},
		{"eu-isoe-", "cloud.adc-e.uk"},
	};

	for (size_t i = 0; i < sizeof(partitions) / sizeof(*partitions); i++) {
		if (strncmp(region, partitions[i].prefix, strlen(partitions[i].prefix)) == 0)
			return partitions[i].domain;
	}
	return "amazonaws.com";
}
