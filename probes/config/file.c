/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files: found, read whole, taken apart line by line, and refused if a secret in them is none.
 */
#include "file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_SIZE_MAX (1 << 20)
#define WRITERS (S_IWGRP | S_IWOTH)
#define OTHERS (S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH)

static int fail(struct config_error *error, int r, const char *path, const char *sentence)
{
	(void)snprintf(error->text, sizeof(error->text), "%s: %s", path, sentence);
	return r;
}

static bool path_join(char ret[static CONFIG_PATH_MAX], const char *dir, const char *rest)
{
	int n = snprintf(ret, CONFIG_PATH_MAX, "%s%s", dir, rest);

	return n > 0 && n < CONFIG_PATH_MAX && access(ret, F_OK) == 0;
}

int config_find(const char *explicit_path, char ret_path[static CONFIG_PATH_MAX])
{
	const char *home = getenv("HOME"), *xdg = getenv("XDG_CONFIG_HOME");
	const char *named = explicit_path ? explicit_path : getenv("PELORUS_CONFIG");

	if (named && *named) {
		if (strlen(named) >= CONFIG_PATH_MAX)
			return -ENAMETOOLONG;
		strcpy(ret_path, named);
		return 0;
	}
	if (xdg && *xdg == '/') {
		if (path_join(ret_path, xdg, "/pelorus/pelorus.conf"))
			return 0;
	} else if (home && *home == '/' &&
		path_join(ret_path, home, "/.config/pelorus/pelorus.conf")) {
		return 0;
	}
	return path_join(ret_path, "", "/etc/pelorus/pelorus.conf") ? 0 : -ENOENT;
}

int config_file_read(const char *path, struct file *ret, struct config_error *ret_error)
{
	int r = file_read(path, FILE_SIZE_MAX, FILE_ANY, ret);

	if (r == -EISDIR || r == -EFBIG)
		return fail(ret_error, -EINVAL, path, "expected a regular file of at most 1 MiB");
	if (r < 0)
		return fail(ret_error, r, path, strerror(-r));
	if (!memchr(ret->text, '\0', ret->n))
		return 0;
	file_free(ret);
	return fail(ret_error, -EINVAL, path, "expected text");
}

/*
 * Whether others may read it.  Root may have given it to a group that runs the prober, as Kubernetes
 * does with secrets (0440, fsGroup): whoever else is in that group, root has put there.
 */
static bool is_open(const struct file *file)
{
	mode_t others = file->mode & OTHERS;

	return others && !(others == S_IRGRP && file->owner == 0);
}

/* Whether a section names what is asked or told by HTTP, or sends the secret of another file. */
static bool leads_out(const struct config_cluster *c)
{
	return *c->url || *c->publish || *c->password_file || strncmp(c->warm_up, "http", 4) == 0;
}

/* Whether who may write the file could have the prober run a program, or ask a server, of his. */
static bool is_command(const struct config *config)
{
	bool found = *config->notify_command || *config->notify || leads_out(&config->defaults);

	for (unsigned i = 0; i < config->n_clusters; i++)
		found = found || leads_out(&config->clusters[i]);
	return found;
}

int config_file_check(const struct file *file, const struct config *config,
	struct config_error *ret_error)
{
	bool foreign = file->owner != geteuid() && file->owner != 0;

	if (is_command(config) && (foreign || (file->mode & WRITERS)))
		return fail(ret_error, -EPERM, config->path,
			"others may write this file, which names a command, a URL or a "
			"password-file; expected mode 0644 and an owner that is root or the prober's own");
	if (!config->has_password || !is_open(file))
		return 0;
	return fail(ret_error, -EPERM, config->path,
		"password: others may read this file; expected mode 0600, or 0640 of root, or "
		"password-file");
}

static int read_password(struct config_cluster *cluster, struct config_error *ret_error)
{
	struct file file = {0};
	const char *path = cluster->password_file;
	size_t n;
	int r;

	if (!*path)
		return 0;
	r = config_file_read(path, &file, ret_error);
	if (r < 0)
		return r;
	n = strcspn(file.text, "\r\n");
	if (is_open(&file))
		r = fail(ret_error, -EPERM, path,
			"password-file: others may read this file; expected mode 0600 or 0400, or 0440 "
			"of root");
	else if (n == 0 || n >= sizeof(cluster->password))
		r = fail(ret_error, -EINVAL, path,
			"password-file: expected a password of 1 to 4095 bytes on the first line");
	else
		memcpy(cluster->password, file.text, n);
	file_free(&file);
	return r;
}

int config_file_read_passwords(struct config *config, struct config_error *ret_error)
{
	int r = read_password(&config->defaults, ret_error);

	for (unsigned i = 0; i < config->n_clusters && r == 0; i++)
		r = read_password(&config->clusters[i], ret_error);
	return r;
}

static const char blanks[] = " \t\r\n\v\f";

static char *trim(char *text)
{
	size_t n;

	text += strspn(text, blanks);
	n = strlen(text);
	while (n > 0 && strchr(blanks, text[n - 1]))
		n--;
	text[n] = '\0';
	return text;
}

static int section_parse(char *line, struct config_line *ret, const char **ret_expected)
{
	char *end = strchr(line, ']'), *rest;

	*ret_expected = "[SECTION] and nothing behind it";
	if (!end)
		return -EINVAL;
	rest = end + 1 + strspn(end + 1, blanks);
	if (*rest && *rest != '#')
		return -EINVAL;
	*end = '\0';
	ret->kind = CONFIG_LINE_SECTION;
	ret->name = trim(line + 1);
	return *ret->name ? 0 : -EINVAL;
}

/* What a backslash and this letter stand for; 0 if they stand for themselves. */
static char unescaped(char letter)
{
	static const char from[] = "ntrbs\\'\"", to[] = "\n\t\r\b \\'\"";
	const char *at = letter ? strchr(from, letter) : NULL;

	return at ? to[at - from] : '\0';
}

/* Unescapes up to `quote` (0: up to a comment or the end); returns where it stopped, or NULL. */
static char *value_unescape(char *at, char quote, char **ret_end)
{
	char *to = at;

	for (; *at; at++) {
		char c = *at == '\\' ? unescaped(at[1]) : '\0';

		if (c) {
			*to++ = c;
			at++;
			continue;
		}
		if (*at == (quote ? quote : '#'))
			break;
		*to++ = *at;
	}
	if (quote && *at != quote)
		return NULL;
	*ret_end = to;
	return at;
}

static int value_parse(char *at, struct config_line *ret, const char **ret_expected)
{
	char quote = '\0', *stop, *end;

	at += strspn(at, blanks);
	if (*at == '\'' || *at == '"')
		quote = *at++;
	stop = value_unescape(at, quote, &end);
	*ret_expected = "a closing quotation mark";
	if (!stop)
		return -EINVAL;
	if (quote) {
		stop++;
		stop += strspn(stop, blanks);
		*ret_expected = "nothing behind the closing quotation mark";
		if (*stop && *stop != '#')
			return -EINVAL;
	}
	*end = '\0';
	ret->value = quote ? at : trim(at);
	return 0;
}

static int pair_parse(char *line, struct config_line *ret, const char **ret_expected)
{
	char *equals = strchr(line, '='), *comment = strchr(line, '#');

	if (comment && (!equals || comment < equals)) {
		*comment = '\0';
		equals = NULL;
	}
	ret->kind = CONFIG_LINE_PAIR;
	ret->value = NULL;
	if (equals)
		*equals = '\0';
	ret->name = trim(line);
	*ret_expected = "KEY = VALUE";
	if (!*ret->name || strpbrk(ret->name, blanks))
		return -EINVAL;
	for (char *c = ret->name; *c; c++) {
		if (*c == '_')
			*c = '-';
	}
	return equals ? value_parse(equals + 1, ret, ret_expected) : 0;
}

int config_line_parse(char *line, struct config_line *ret, const char **ret_expected)
{
	line += strspn(line, blanks);
	*ret = (struct config_line){.kind = CONFIG_LINE_BLANK};
	if (*line == '\0' || *line == '#' || *line == ';')
		return 0;
	if (*line == '[')
		return section_parse(line, ret, ret_expected);
	return pair_parse(line, ret, ret_expected);
}
