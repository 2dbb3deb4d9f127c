/* SPDX-License-Identifier: Apache-2.0 */
/* URLs of sources, and HOST:PORT. */
#include "url.h"

#include "common/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZOOKEEPER_PORT 2181

int url_parse_port(const char *text, uint16_t *ret)
{
	unsigned long port;
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 5 || text[n])
		return -EINVAL;
	port = strtoul(text, NULL, 10);
	if (port == 0 || port > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)port;
	return 0;
}

static bool is_numeric6(const char *text)
{
	struct in6_addr addr;

	return inet_pton(AF_INET6, text, &addr) == 1;
}

static int copy_host(const char *at, size_t n, bool bracketed, char ret[static PEL_NAME_MAX])
{
	char host[PEL_NAME_MAX];

	if (n == 0 || n >= sizeof(host))
		return -EINVAL;
	memcpy(host, at, n);
	host[n] = '\0';
	if (strchr(host, ':')) {
		if (!is_numeric6(host))
			return -EINVAL;
		memcpy(ret, host, n + 1);
		return 0;
	}
	return bracketed ? -EINVAL : pel_name_normalise(host, ret);
}

int url_parse_host(const char *text, char ret_host[static PEL_NAME_MAX], uint16_t *ret_port)
{
	const char *end, *port = NULL;
	uint16_t number = 0;
	int r;

	if (*text == '[') {
		end = strchr(++text, ']');
		if (!end || (end[1] != '\0' && end[1] != ':'))
			return -EINVAL;
		port = end[1] ? end + 2 : NULL;
		r = copy_host(text, (size_t)(end - text), true, ret_host);
	} else {
		end = strchr(text, ':');
		if (!end || strchr(end + 1, ':'))
			end = text + strlen(text);
		port = *end ? end + 1 : NULL;
		r = copy_host(text, (size_t)(end - text), false, ret_host);
	}
	if (r == 0 && port)
		r = url_parse_port(port, &number);
	if (r == 0)
		*ret_port = number;
	return r;
}

/* Nothing that a request line could not carry. */
static bool is_plain(const char *text)
{
	for (; *text; text++) {
		if (*text <= ' ' || *text > '~' || *text == '#' || *text == '\\')
			return false;
	}
	return true;
}

/* Without scheme. */
static int parse_rest(const char *at, struct url *url)
{
	char authority[sizeof(url->authority)];
	size_t n = strcspn(at, "/?");
	uint16_t port = 0;

	if (!is_plain(at) || n == 0 || n >= sizeof(authority) || memchr(at, '@', n))
		return -EINVAL;
	memcpy(authority, at, n);
	authority[n] = '\0';
	if (url_parse_host(authority, url->host, &port) < 0)
		return -EINVAL;
	if (strchr(url->host, ':') && authority[0] != '[')
		return -EINVAL;
	if (port)
		url->port = port;
	if (strlen(at + n) + (at[n] != '/') >= sizeof(url->path))
		return -EINVAL;
	url->path[0] = '/';
	strcpy(url->path + (at[n] != '/'), at + n);
	return 0;
}

int url_parse(const char *text, struct url *ret)
{
	struct url url = {.port = 80};
	uint16_t usual;
	bool v6;

	if (strncmp(text, "https://", 8) == 0) {
		url.tls = true;
		url.port = 443;
	} else if (strncmp(text, "http://", 7) != 0) {
		return -EINVAL;
	}
	usual = url.port;
	if (parse_rest(text + (url.tls ? 8 : 7), &url) < 0)
		return -EINVAL;
	v6 = strchr(url.host, ':') != NULL;
	snprintf(url.authority, sizeof(url.authority), url.port == usual ? "%s%s%s" : "%s%s%s:%u",
		v6 ? "[" : "", url.host, v6 ? "]" : "", url.port);
	*ret = url;
	return 0;
}

/* "/a/b": no end in a slash, no empty part, none of one or two dots. */
static bool is_node(const char *path)
{
	do {
		size_t n = strcspn(++path, "/");

		if (n == 0 || (n == 1 && path[0] == '.') || (n == 2 && memcmp(path, "..", 2) == 0))
			return false;
		path += n;
	} while (*path);
	return true;
}

int url_parse_ensemble(const char *text, struct url_ensemble *ret)
{
	struct url_ensemble e = {.n = 0};
	const char *at = text + strlen(URL_ZOOKEEPER), *path;
	char member[PEL_NAME_MAX + 16];
	size_t n;

	if (strncmp(text, URL_ZOOKEEPER, strlen(URL_ZOOKEEPER)) != 0)
		return -EINVAL;
	path = strchr(at, '/');
	if (!path || strlen(path) >= sizeof(e.path) || !is_node(path) || !is_plain(path))
		return -EINVAL;
	for (; at < path; at += n + 1) {
		n = strcspn(at, ",/");
		if (e.n == URL_HOSTS || n >= sizeof(member))
			return -EINVAL;
		memcpy(member, at, n);
		member[n] = '\0';
		e.list[e.n].port = 0;
		if (url_parse_host(member, e.list[e.n].host, &e.list[e.n].port) < 0 ||
			(strchr(e.list[e.n].host, ':') && member[0] != '['))
			return -EINVAL;
		if (!e.list[e.n].port)
			e.list[e.n].port = ZOOKEEPER_PORT;
		e.n++;
	}
	if (e.n == 0 || at[-1] == ',')
		return -EINVAL;
	strcpy(e.path, path);
	*ret = e;
	return 0;
}

/* This host, and where clouds serve metadata to an instance, a task or a pod. */
bool url_is_near(const char *host)
{
	static const char *const near6[] = {"::1", "fd00:ec2::254", "fd00:ec2::23"};
	struct in_addr v4;
	struct in6_addr v6, known;

	if (strcmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127 || ntohl(v4.s_addr) >> 16 == 0xa9fe;
	if (inet_pton(AF_INET6, host, &v6) != 1)
		return false;
	for (size_t i = 0; i < sizeof(near6) / sizeof(*near6); i++) {
		if (inet_pton(AF_INET6, near6[i], &known) == 1 &&
			memcmp(&known, &v6, sizeof(v6)) == 0)
			return true;
	}
	return false;
}

bool url_is_allowed(const struct url *url, bool allow_http)
{
	return url->tls || allow_http || url_is_near(url->host);
}
