/* SPDX-License-Identifier: Apache-2.0 */
/* Reports as table, tree, tab-separated values and JSON. */
#include "report.h"

#include "common/words.h"

#include <errno.h>
#include <json-c/json.h>
#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum column {
	COL_ID = 0,
	COL_ROLE,
	COL_STATE,
	COL_LAG,
	COL_CPU,
	COL_RTT,
	COL_ADDRESS,
	COL_AGE,
	COLS
};

static const struct {
	const char *title;
	int flags;
} columns[COLS] = {
	[COL_ID] = {"ID", 0},
	[COL_ROLE] = {"ROLE", 0},
	[COL_STATE] = {"STATE", 0},
	[COL_LAG] = {"LAG", SCOLS_FL_RIGHT},
	[COL_CPU] = {"CPU", SCOLS_FL_RIGHT},
	[COL_RTT] = {"ROUND TRIP", SCOLS_FL_RIGHT},
	[COL_ADDRESS] = {"ADDRESS", 0},
	[COL_AGE] = {"SEEN", SCOLS_FL_RIGHT},
};

#define CELL_MAX 96
struct cells {
	char text[COLS][CELL_MAX];
};

/* Why it is held; "" if that is not known. */
static const char *held_word(const struct report_instance *in)
{
	if (in->by_hand)
		return "by hand";
	if (in->unwarmed)
		return "not warmed";
	return in->lag_ms != PEL_LAG_UNKNOWN ? "lag" : "";
}

static size_t admission_put(const struct report_instance *in, char *ret, size_t size)
{
	const char *word = pel_word_of_admission(in->admission), *why = held_word(in);
	int n = 0;

	if (in->admission == PEL_ADMIT_WARMING && in->warm_total)
		n = snprintf(ret, size, ", %s %u/%u", word, in->warm_done, in->warm_total);
	else if (in->admission == PEL_ADMIT_WARMING && in->elsewhere)
		n = snprintf(ret, size, ", %s (by another prober)", word);
	else if (in->admission == PEL_ADMIT_HELD && strcmp(why, "lag") == 0)
		n = snprintf(ret, size, ", %s (lag %u ms)", word, in->lag_ms);
	else if (in->admission == PEL_ADMIT_HELD && *why)
		n = snprintf(ret, size, ", %s (%s)", word, why);
	else if (in->admission != PEL_ADMITTED)
		n = snprintf(ret, size, ", %s", word);
	return (size_t)n;
}

static void state_put(const struct report_instance *in, char ret[static CELL_MAX])
{
	size_t n = (size_t)snprintf(ret, CELL_MAX, "%s", pel_word_of_health(in->health));

	n += admission_put(in, ret + n, CELL_MAX - n);
	if (in->lagged)
		n += (size_t)snprintf(ret + n, CELL_MAX - n, ", lagged");
	if (in->health != PEL_HEALTH_UNKNOWN && !in->routable)
		(void)snprintf(ret + n, CELL_MAX - n, ", not routable");
}

static void measures_put(const struct report_instance *in, struct cells *ret)
{
	if (in->lag_ms != PEL_LAG_UNKNOWN)
		(void)snprintf(ret->text[COL_LAG], CELL_MAX, "%u ms", in->lag_ms);
	if (in->cpu_permille != UINT16_MAX)
		(void)snprintf(ret->text[COL_CPU], CELL_MAX, "%u.%u %%", in->cpu_permille / 10,
			in->cpu_permille % 10);
	if (in->rtt_us)
		(void)snprintf(ret->text[COL_RTT], CELL_MAX, "%u.%02u ms", in->rtt_us / 1000,
			in->rtt_us % 1000 / 10);
	if (in->age_ms >= 0)
		(void)snprintf(ret->text[COL_AGE], CELL_MAX, "%lld.%lld s",
			(long long)in->age_ms / 1000, (long long)in->age_ms % 1000 / 100);
}

static void cells_put(const struct report_instance *in, struct cells *ret)
{
	for (int i = 0; i < COLS; i++)
		strcpy(ret->text[i], "-");
	(void)snprintf(ret->text[COL_ID], CELL_MAX, "%.63s", *in->id ? in->id : in->host);
	(void)snprintf(ret->text[COL_ROLE], CELL_MAX, "%s", pel_word_of_role(in->role));
	state_put(in, ret->text[COL_STATE]);
	measures_put(in, ret);
	if (*in->address)
		(void)snprintf(ret->text[COL_ADDRESS], CELL_MAX, "%s", in->address);
}

static const char *color_of(const struct report_instance *in)
{
	if (in->health == PEL_HEALTH_UNREACHABLE || in->health == PEL_HEALTH_STALLED)
		return "red";
	return in->role == PEL_ROLE_WRITER ? "green" : NULL;
}

static struct libscols_table *table_new(bool tree, FILE *to)
{
	struct libscols_table *table = scols_new_table();
	const char *no_color = getenv("NO_COLOR");

	if (!table)
		return NULL;
	scols_table_set_stream(table, to);
	scols_table_enable_colors(table, isatty(fileno(to)) && !(no_color && *no_color));
	scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
	for (int i = 0; i < COLS; i++) {
		int flags = columns[i].flags | (tree && i == COL_ID ? SCOLS_FL_TREE : 0);

		if (!scols_table_new_column(table, columns[i].title, 0, flags)) {
			scols_unref_table(table);
			return NULL;
		}
	}
	return table;
}

static struct libscols_line *line_add(struct libscols_table *table, struct libscols_line *parent,
	const struct report_instance *in)
{
	struct libscols_line *line = scols_table_new_line(table, parent);
	struct cells cells;

	cells_put(in, &cells);
	for (size_t i = 0; line && i < COLS; i++)
		(void)scols_line_set_data(line, i, cells.text[i]);
	if (line && color_of(in))
		(void)scols_line_set_color(line, color_of(in));
	return line;
}

/* The writer first; in a tree the others hang below it. */
static int lines_add(struct libscols_table *table, const struct report *r, bool tree)
{
	struct libscols_line *root = NULL;

	if (r->writer >= 0) {
		root = line_add(table, NULL, &r->instances[r->writer]);
		if (!root)
			return -ENOMEM;
	}
	for (unsigned i = 0; i < r->n_instances; i++) {
		if ((int)i != r->writer && !line_add(table, tree ? root : NULL, &r->instances[i]))
			return -ENOMEM;
	}
	return 0;
}

static int table_print(const struct report *r, bool tree, FILE *to)
{
	struct libscols_table *table;
	char sentence[1024];
	int e;

	report_sentence(r, sentence, sizeof(sentence));
	fprintf(to, "%s\n", sentence);
	if (r->n_instances == 0)
		return 0;
	table = table_new(tree, to);
	e = table ? lines_add(table, r, tree) : -ENOMEM;
	if (e == 0)
		e = scols_print_table(table);
	scols_unref_table(table);
	return e;
}

static void tsv_print(const struct report *r, FILE *to)
{
	for (unsigned i = 0; i < r->n_instances; i++) {
		const struct report_instance *in = &r->instances[i];

		fprintf(to, "%s\t%s\t%s\t%s\t%s\t", r->name, in->id, pel_word_of_role(in->role),
			pel_word_of_health(in->health), pel_word_of_admission(in->admission));
		if (in->lag_ms != PEL_LAG_UNKNOWN)
			fprintf(to, "%u", in->lag_ms);
		fputc('\t', to);
		if (in->cpu_permille != UINT16_MAX)
			fprintf(to, "%u.%u", in->cpu_permille / 10, in->cpu_permille % 10);
		fputc('\t', to);
		if (in->rtt_us)
			fprintf(to, "%u", in->rtt_us);
		fprintf(to, "\t%s\t", in->address);
		if (in->age_ms >= 0)
			fprintf(to, "%lld", (long long)in->age_ms);
		fputc('\n', to);
	}
}

static void put_text(struct json_object *o, const char *key, const char *text)
{
	if (*text)
		json_object_object_add(o, key, json_object_new_string(text));
}

static void put_number(struct json_object *o, const char *key, bool known, int64_t number)
{
	json_object_object_add(o, key, known ? json_object_new_int64(number) : NULL);
}

static struct json_object *instance_json(const struct report_instance *in)
{
	struct json_object *o = json_object_new_object();

	put_text(o, "id", in->id);
	put_text(o, "role", pel_word_of_role(in->role));
	put_text(o, "health", pel_word_of_health(in->health));
	put_text(o, "admission", pel_word_of_admission(in->admission));
	if (in->admission == PEL_ADMIT_HELD)
		put_text(o, "held_for", held_word(in));
	if (in->warm_total) {
		put_number(o, "warm_done", true, in->warm_done);
		put_number(o, "warm_total", true, in->warm_total);
	}
	if (in->elsewhere)
		put_text(o, "warmed_by", "another prober");
	put_number(o, "lag_ms", in->lag_ms != PEL_LAG_UNKNOWN, in->lag_ms);
	put_number(o, "cpu_permille", in->cpu_permille != UINT16_MAX, in->cpu_permille);
	put_number(o, "round_trip_us", in->rtt_us != 0, in->rtt_us);
	put_number(o, "age_ms", in->age_ms >= 0, in->age_ms);
	put_text(o, "host", in->host);
	put_text(o, "address", in->address);
	put_text(o, "zone", in->zone);
	put_text(o, "server_uuid", in->uuid);
	json_object_object_add(o, "routable", json_object_new_boolean(in->routable));
	json_object_object_add(o, "lagged", json_object_new_boolean(in->lagged));
	return o;
}

static struct json_object *names_json(const struct report *r)
{
	struct json_object *names = json_object_new_array();

	for (unsigned i = 0; i < r->n_names; i++) {
		struct json_object *name = json_object_new_object();

		put_text(name, "name", r->names[i]);
		put_text(name, "role", pel_word_of_role(r->roles[i]));
		json_object_array_add(names, name);
	}
	return names;
}

static struct json_object *report_json(const struct report *r)
{
	struct json_object *o = json_object_new_object(), *instances = json_object_new_array();
	char sentence[1024];

	report_sentence(r, sentence, sizeof(sentence));
	put_text(o, "name", r->name);
	put_text(o, "sentence", sentence);
	put_text(o, "state", pel_word_of_state(r->state));
	if (r->state == PEL_STATE_UNKNOWN)
		put_text(o, "why", pel_sentence_of_why(r->why));
	put_text(o, "asked", r->source);
	json_object_object_add(o, "dns_only", json_object_new_boolean(r->dns_only));
	json_object_object_add(o, "writer",
		r->writer < 0 ? NULL : json_object_new_string(r->instances[r->writer].id));
	put_number(o, "verified_ms", r->verified_ms >= 0, r->verified_ms);
	put_number(o, "writerless_ms", r->writerless_ms >= 0, r->writerless_ms);
	put_number(o, "generation", true, (int64_t)r->generation);
	put_number(o, "epoch", true, (int64_t)r->epoch);
	json_object_object_add(o, "names", names_json(r));
	for (unsigned i = 0; i < r->n_instances; i++)
		json_object_array_add(instances, instance_json(&r->instances[i]));
	json_object_object_add(o, "instances", instances);
	return o;
}

static void json_print(const struct report *reports, unsigned n, bool single, FILE *to)
{
	struct json_object *all = single ? report_json(reports) : json_object_new_array();

	for (unsigned i = 0; !single && i < n; i++)
		json_object_array_add(all, report_json(&reports[i]));
	fprintf(to, "%s\n",
		json_object_to_json_string_ext(all,
			JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
				JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(all);
}

int report_print(const struct report *reports, unsigned n, enum report_format format, bool single,
	FILE *to)
{
	int r = 0;

	if (format == REPORT_JSON)
		json_print(reports, n, single, to);
	if (format == REPORT_TSV)
		fputs("cluster\tid\trole\thealth\tadmission\tlag_ms\tcpu\tround_trip_us\taddress\tage_ms\n",
			to);
	for (unsigned i = 0; i < n && r == 0; i++) {
		if (format == REPORT_TSV) {
			tsv_print(&reports[i], to);
		} else if (format != REPORT_JSON) {
			if (i > 0)
				fputc('\n', to);
			r = table_print(&reports[i], format == REPORT_TREE, to);
		}
	}
	return r;
}
