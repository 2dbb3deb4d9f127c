/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The positive lists: words that may stand before a parenthesis, and system variables.
 *
 * A list is sorted and searched by halves.  The functions are those of MySQL 5.7 to 8.4 and MariaDB
 * 10.3 to 11 that neither change anything nor depend on the session's history; data types are among
 * them for CAST.  A keyword is one that the servers reserve, so that no stored function can have
 * its name unquoted; AGAINST alone is not, and only follows MATCH.
 */
#include "sql_lex.h"

#include <string.h>

/* clang-format off */
static const char pure[][20] = {
	"abs", "acos", "adddate", "addtime", "aes_decrypt", "aes_encrypt", "any_value", "ascii",
	"asin", "atan", "atan2", "avg", "bin", "bin_to_uuid", "binary", "bit", "bit_and",
	"bit_count", "bit_length", "bit_or", "bit_xor", "cast", "ceil", "ceiling", "char",
	"char_length", "character_length", "chr", "coalesce", "coercibility", "collation",
	"compress", "concat", "concat_ws", "conv", "convert", "convert_tz", "cos", "cot",
	"count", "crc32", "cume_dist", "curdate", "current_date", "current_role", "current_time",
	"current_timestamp", "current_user", "curtime", "database", "date", "date_add",
	"date_format", "date_sub", "datediff", "datetime", "day", "dayname", "dayofmonth",
	"dayofweek", "dayofyear", "decimal", "degrees", "dense_rank", "double", "elt", "exp",
	"export_set", "extract", "field", "find_in_set", "first_value", "float", "floor",
	"format", "from_base64", "from_days", "from_unixtime", "greatest", "group_concat", "hex",
	"hour", "if", "ifnull", "inet6_aton", "inet6_ntoa", "inet_aton", "inet_ntoa", "insert",
	"instr", "is_uuid", "isnull", "json_array", "json_array_append", "json_array_insert",
	"json_arrayagg", "json_contains", "json_contains_path", "json_depth", "json_extract",
	"json_insert", "json_keys", "json_length", "json_merge", "json_merge_patch",
	"json_merge_preserve", "json_object", "json_objectagg", "json_overlaps", "json_pretty",
	"json_query", "json_quote", "json_remove", "json_replace", "json_search", "json_set",
	"json_type", "json_unquote", "json_valid", "json_value", "lag", "last_day", "last_value",
	"lcase", "lead", "least", "length", "ln", "localtime", "localtimestamp", "locate", "log",
	"log10", "log2", "lower", "lpad", "ltrim", "makedate", "maketime", "max", "md5",
	"median", "microsecond", "mid", "min", "minute", "mod", "month", "monthname",
	"natural_sort_key", "nchar", "now", "nth_value", "ntile", "nullif", "numeric", "oct",
	"octet_length", "ord", "percent_rank", "percentile_cont", "percentile_disc",
	"period_add", "period_diff", "pi", "point", "position", "pow", "power", "quarter",
	"quote", "radians", "rand", "random_bytes", "rank", "regexp_instr", "regexp_like",
	"regexp_replace", "regexp_substr", "repeat", "replace", "reverse", "round", "row_number",
	"rpad", "rtrim", "schema", "sec_to_time", "second", "session_user", "sha", "sha1",
	"sha2", "sign", "signed", "sin", "soundex", "space", "sqrt", "st_asbinary",
	"st_asgeojson", "st_astext", "st_aswkb", "st_aswkt", "st_contains", "st_distance",
	"st_distance_sphere", "st_geomfromtext", "st_geomfromwkb", "st_intersects", "st_within",
	"st_x", "st_y", "std", "stddev", "stddev_pop", "stddev_samp", "str_to_date", "strcmp",
	"subdate", "substr", "substring", "substring_index", "subtime", "sum", "sysdate",
	"system_user", "tan", "time", "time_format", "time_to_sec", "timediff", "timestamp",
	"timestampadd", "timestampdiff", "to_base64", "to_char", "to_days", "to_seconds", "trim",
	"truncate", "ucase", "uncompress", "uncompressed_length", "unhex", "unix_timestamp",
	"upper", "user", "utc_date", "utc_time", "utc_timestamp", "uuid", "uuid_to_bin",
	"var_pop", "var_samp", "varbinary", "varchar", "variance", "version", "week", "weekday",
	"weekofyear", "weight_string", "year", "yearweek",
};

static const char keywords[][14] = {
	"against", "all", "and", "as", "between", "both", "by", "case", "cross", "distinct",
	"distinctrow", "div", "else", "exists", "from", "group", "having", "in", "index",
	"inner", "interval", "is", "join", "key", "keys", "left", "like", "limit", "match",
	"natural", "not", "on", "or", "order", "outer", "over", "partition", "regexp", "right",
	"rlike", "select", "set", "straight_join", "then", "union", "unique", "update", "using",
	"values", "when", "where", "with", "xor",
};

static const char peeks[][15] = {
	"connection_id", "found_rows", "last_insert_id", "lastval", "row_count",
};

static const char settings[][32] = {
	"aurora_replica_read_consistency", "autocommit", "big_tables", "bulk_insert_buffer_size",
	"character_set_client", "character_set_connection", "character_set_results",
	"character_set_server", "collation_connection", "collation_server",
	"cte_max_recursion_depth", "default_storage_engine",
	"default_week_format", "div_precision_increment", "eq_range_index_dive_limit",
	"explicit_defaults_for_timestamp", "foreign_key_checks", "group_concat_max_len",
	"information_schema_stats_expiry", "innodb_lock_wait_timeout", "interactive_timeout",
	"join_buffer_size", "lc_messages", "lc_time_names", "lock_wait_timeout",
	"long_query_time", "low_priority_updates", "max_error_count", "max_execution_time",
	"max_heap_table_size", "max_join_size", "max_length_for_sort_data",
	"max_recursive_iterations", "max_seeks_for_key", "max_sort_length", "max_statement_time",
	"min_examined_row_limit", "net_read_timeout", "net_write_timeout",
	"optimizer_prune_level", "optimizer_search_depth", "optimizer_switch",
	"query_cache_type", "read_buffer_size", "read_rnd_buffer_size", "sort_buffer_size",
	"sql_auto_is_null", "sql_big_selects", "sql_buffer_result", "sql_mode", "sql_notes",
	"sql_quote_show_create", "sql_require_primary_key", "sql_safe_updates",
	"sql_select_limit", "sql_warnings", "statement_timeout", "storage_engine", "time_zone",
	"tmp_table_size", "transaction_isolation", "transaction_read_only", "tx_isolation",
	"tx_read_only", "unique_checks", "wait_timeout", "windowing_use_high_precision",
};

static const char readables[][25] = {
	"aurora_server_id", "aurora_version", "hostname", "innodb_read_only", "innodb_version",
	"lower_case_table_names", "max_allowed_packet", "port", "protocol_version", "read_only",
	"server_id", "server_uuid", "super_read_only", "system_time_zone", "version",
	"version_comment",
};
/* clang-format on */

/*
 * The listed word that equals this one but for case, or NULL.  A list is one block of characters,
 * `width` for each word: pointers would have to be relocated in every process at its start.
 */
static const char *find(const char *list, size_t n, size_t width, struct pel_sql_span word)
{
	char lower[40];
	size_t low = 0, high = n;

	if (word.n >= sizeof(lower))
		return NULL;
	for (size_t i = 0; i < word.n; i++) {
		char c = word.at[i];

		lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
	}
	lower[word.n] = '\0';
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(lower, list + middle * width);

		if (order == 0)
			return list + middle * width;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

#define FIND(list, word) find((list)[0], sizeof(list) / sizeof(*(list)), sizeof(*(list)), word)

enum sql_call sql_word_call(struct pel_sql_span word)
{
	if (FIND(keywords, word))
		return SQL_CALL_KEYWORD;
	if (FIND(pure, word))
		return SQL_CALL_PURE;
	return FIND(peeks, word) ? SQL_CALL_PEEK : SQL_CALL_UNKNOWN;
}

const char *sql_word_setting(struct pel_sql_span word)
{
	return FIND(settings, word);
}

bool sql_word_is_readable(struct pel_sql_span word)
{
	return FIND(settings, word) || FIND(readables, word);
}
