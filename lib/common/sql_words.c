/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The positive lists: words that may stand before a parenthesis, and system variables.
 *
 * A list has its words by their length, and sorted: a look-up comes by few of them.  The functions
 * are those of MySQL 5.7 to 8.4 and MariaDB 10.3 to 11 that neither change anything nor depend on the
 * session's history; data types are among them for CAST.  A keyword is one that the servers reserve,
 * so that no stored function can have its name unquoted; AGAINST alone is not, and only follows MATCH.
 */
#include "sql_lex.h"

#include <string.h>

#define LENGTHS 32u /* of words, and 0 */

/* clang-format off */
static const char *const pure[LENGTHS] = {
	[2] = "if\0ln\0pi\0",
	[3] = "abs\0avg\0bin\0bit\0chr\0cos\0cot\0day\0elt\0exp\0hex\0lag\0log\0max\0md5\0mid\0"
	    "min\0mod\0now\0oct\0ord\0pow\0sha\0sin\0std\0sum\0tan\0",
	[4] = "acos\0asin\0atan\0cast\0ceil\0char\0conv\0date\0hour\0lead\0log2\0lpad\0rand\0"
	    "rank\0rpad\0sha1\0sha2\0sign\0sqrt\0st_x\0st_y\0time\0trim\0user\0uuid\0week\0year\0",
	[5] = "ascii\0atan2\0count\0crc32\0field\0float\0floor\0instr\0lcase\0least\0log10\0"
	    "lower\0ltrim\0month\0nchar\0ntile\0point\0power\0quote\0round\0rtrim\0space\0ucase\0"
	    "unhex\0upper\0",
	[6] = "binary\0bit_or\0concat\0double\0format\0ifnull\0insert\0isnull\0length\0locate\0"
	    "median\0minute\0nullif\0repeat\0schema\0second\0signed\0stddev\0strcmp\0substr\0",
	[7] = "adddate\0addtime\0bit_and\0bit_xor\0ceiling\0convert\0curdate\0curtime\0dayname\0"
	    "decimal\0degrees\0extract\0is_uuid\0numeric\0quarter\0radians\0replace\0reverse\0"
	    "soundex\0subdate\0subtime\0sysdate\0to_char\0to_days\0var_pop\0varchar\0version\0"
	    "weekday\0",
	[8] = "coalesce\0compress\0database\0date_add\0date_sub\0datediff\0datetime\0greatest\0"
	    "json_set\0last_day\0makedate\0maketime\0position\0st_aswkb\0st_aswkt\0timediff\0"
	    "truncate\0utc_date\0utc_time\0var_samp\0variance\0yearweek\0",
	[9] = "any_value\0bit_count\0collation\0concat_ws\0cume_dist\0dayofweek\0dayofyear\0"
	    "from_days\0inet_aton\0inet_ntoa\0json_keys\0json_type\0localtime\0monthname\0"
	    "nth_value\0st_astext\0st_within\0substring\0timestamp\0to_base64\0varbinary\0",
	[10] = "bit_length\0convert_tz\0dayofmonth\0dense_rank\0export_set\0inet6_aton\0"
	    "inet6_ntoa\0json_array\0json_depth\0json_merge\0json_query\0json_quote\0json_valid\0"
	    "json_value\0last_value\0period_add\0row_number\0stddev_pop\0to_seconds\0uncompress\0"
	    "weekofyear\0",
	[11] = "aes_decrypt\0aes_encrypt\0bin_to_uuid\0char_length\0date_format\0find_in_set\0"
	    "first_value\0from_base64\0json_insert\0json_length\0json_object\0json_pretty\0"
	    "json_remove\0json_search\0microsecond\0period_diff\0regexp_like\0sec_to_time\0"
	    "st_asbinary\0st_contains\0st_distance\0stddev_samp\0str_to_date\0system_user\0"
	    "time_format\0time_to_sec\0uuid_to_bin\0",
	[12] = "coercibility\0current_date\0current_role\0current_time\0current_user\0"
	    "group_concat\0json_extract\0json_replace\0json_unquote\0octet_length\0percent_rank\0"
	    "random_bytes\0regexp_instr\0session_user\0st_asgeojson\0timestampadd\0",
	[13] = "from_unixtime\0json_arrayagg\0json_contains\0json_overlaps\0regexp_substr\0"
	    "st_intersects\0timestampdiff\0utc_timestamp\0weight_string\0",
	[14] = "json_objectagg\0localtimestamp\0regexp_replace\0st_geomfromwkb\0unix_timestamp\0",
	[15] = "percentile_cont\0percentile_disc\0st_geomfromtext\0substring_index\0",
	[16] = "character_length\0json_merge_patch\0natural_sort_key\0",
	[17] = "current_timestamp\0json_array_append\0json_array_insert\0",
	[18] = "json_contains_path\0st_distance_sphere\0",
	[19] = "json_merge_preserve\0uncompressed_length\0",
};

static const char *const keywords[LENGTHS] = {
	[2] = "as\0by\0in\0is\0on\0or\0",
	[3] = "all\0and\0div\0key\0not\0set\0xor\0",
	[4] = "both\0case\0else\0from\0join\0keys\0left\0like\0over\0then\0when\0with\0",
	[5] = "cross\0group\0index\0inner\0limit\0match\0order\0outer\0right\0rlike\0union\0"
	    "using\0where\0",
	[6] = "exists\0having\0regexp\0select\0unique\0update\0values\0",
	[7] = "against\0between\0natural\0",
	[8] = "distinct\0interval\0",
	[9] = "partition\0",
	[11] = "distinctrow\0",
	[13] = "straight_join\0",
};

static const char *const peeks[LENGTHS] = {
	[7] = "lastval\0",
	[9] = "row_count\0",
	[10] = "found_rows\0",
	[13] = "connection_id\0",
	[14] = "last_insert_id\0",
};

static const char *const settings[LENGTHS] = {
	[8] = "sql_mode\0",
	[9] = "sql_notes\0time_zone\0",
	[10] = "autocommit\0big_tables\0",
	[11] = "lc_messages\0",
	[12] = "sql_warnings\0tx_isolation\0tx_read_only\0wait_timeout\0",
	[13] = "lc_time_names\0max_join_size\0unique_checks\0",
	[14] = "storage_engine\0tmp_table_size\0",
	[15] = "long_query_time\0max_error_count\0max_sort_length\0sql_big_selects\0",
	[16] = "collation_server\0join_buffer_size\0net_read_timeout\0optimizer_switch\0"
	    "query_cache_type\0read_buffer_size\0sort_buffer_size\0sql_auto_is_null\0"
	    "sql_safe_updates\0sql_select_limit\0",
	[17] = "lock_wait_timeout\0max_seeks_for_key\0net_write_timeout\0sql_buffer_result\0"
	    "statement_timeout\0",
	[18] = "foreign_key_checks\0max_execution_time\0max_statement_time\0",
	[19] = "default_week_format\0interactive_timeout\0max_heap_table_size\0",
	[20] = "character_set_client\0character_set_server\0collation_connection\0"
	    "group_concat_max_len\0low_priority_updates\0read_rnd_buffer_size\0",
	[21] = "character_set_results\0optimizer_prune_level\0sql_quote_show_create\0"
	    "transaction_isolation\0transaction_read_only\0",
	[22] = "default_storage_engine\0min_examined_row_limit\0optimizer_search_depth\0",
	[23] = "bulk_insert_buffer_size\0cte_max_recursion_depth\0div_precision_increment\0"
	    "sql_require_primary_key\0",
	[24] = "character_set_connection\0innodb_lock_wait_timeout\0max_length_for_sort_data\0"
	    "max_recursive_iterations\0",
	[25] = "eq_range_index_dive_limit\0",
	[28] = "windowing_use_high_precision\0",
	[31] = "aurora_replica_read_consistency\0explicit_defaults_for_timestamp\0"
	    "information_schema_stats_expiry\0",
};

static const char *const readables[LENGTHS] = {
	[4] = "port\0",
	[7] = "version\0",
	[8] = "hostname\0",
	[9] = "read_only\0server_id\0",
	[11] = "server_uuid\0",
	[14] = "aurora_version\0innodb_version\0",
	[15] = "super_read_only\0version_comment\0",
	[16] = "aurora_server_id\0innodb_read_only\0protocol_version\0system_time_zone\0",
	[18] = "max_allowed_packet\0",
	[22] = "lower_case_table_names\0",
};
/* clang-format on */

/* The listed word that equals this one but for case, or NULL. */
static const char *find(const char *const list[static LENGTHS], struct pel_sql_span word)
{
	const char *at = word.n < LENGTHS ? list[word.n] : NULL;
	char lower[LENGTHS];

	if (!at)
		return NULL;
	for (size_t i = 0; i < word.n; i++) {
		char c = word.at[i];

		lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
	}
	while (*at && *at <= *lower) {
		if (memcmp(at, lower, word.n) == 0)
			return at;
		at += word.n + 1;
	}
	return NULL;
}

/* The most frequent first. */
enum sql_call sql_word_call(struct pel_sql_span word)
{
	if (find(pure, word))
		return SQL_CALL_PURE;
	if (find(keywords, word))
		return SQL_CALL_KEYWORD;
	return find(peeks, word) ? SQL_CALL_PEEK : SQL_CALL_UNKNOWN;
}

const char *sql_word_setting(struct pel_sql_span word)
{
	return find(settings, word);
}

bool sql_word_is_readable(struct pel_sql_span word)
{
	return find(settings, word) || find(readables, word);
}
