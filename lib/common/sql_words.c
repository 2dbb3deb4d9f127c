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
static const char pure[] =
	"abs\0acos\0adddate\0addtime\0aes_decrypt\0aes_encrypt\0any_value\0ascii\0asin\0atan\0"
	"atan2\0avg\0bin\0bin_to_uuid\0binary\0bit\0bit_and\0bit_count\0bit_length\0bit_or\0"
	"bit_xor\0cast\0ceil\0ceiling\0char\0char_length\0character_length\0chr\0coalesce\0"
	"coercibility\0collation\0compress\0concat\0concat_ws\0conv\0convert\0convert_tz\0cos\0"
	"cot\0count\0crc32\0cume_dist\0curdate\0current_date\0current_role\0current_time\0"
	"current_timestamp\0current_user\0curtime\0database\0date\0date_add\0date_format\0"
	"date_sub\0datediff\0datetime\0day\0dayname\0dayofmonth\0dayofweek\0dayofyear\0decimal\0"
	"degrees\0dense_rank\0double\0elt\0exp\0export_set\0extract\0field\0find_in_set\0"
	"first_value\0float\0floor\0format\0from_base64\0from_days\0from_unixtime\0greatest\0"
	"group_concat\0hex\0hour\0if\0ifnull\0inet6_aton\0inet6_ntoa\0inet_aton\0inet_ntoa\0"
	"insert\0instr\0is_uuid\0isnull\0json_array\0json_array_append\0json_array_insert\0"
	"json_arrayagg\0json_contains\0json_contains_path\0json_depth\0json_extract\0"
	"json_insert\0json_keys\0json_length\0json_merge\0json_merge_patch\0json_merge_preserve\0"
	"json_object\0json_objectagg\0json_overlaps\0json_pretty\0json_query\0json_quote\0"
	"json_remove\0json_replace\0json_search\0json_set\0json_type\0json_unquote\0json_valid\0"
	"json_value\0lag\0last_day\0last_value\0lcase\0lead\0least\0length\0ln\0localtime\0"
	"localtimestamp\0locate\0log\0log10\0log2\0lower\0lpad\0ltrim\0makedate\0maketime\0max\0"
	"md5\0median\0microsecond\0mid\0min\0minute\0mod\0month\0monthname\0natural_sort_key\0"
	"nchar\0now\0nth_value\0ntile\0nullif\0numeric\0oct\0octet_length\0ord\0percent_rank\0"
	"percentile_cont\0percentile_disc\0period_add\0period_diff\0pi\0point\0position\0pow\0"
	"power\0quarter\0quote\0radians\0rand\0random_bytes\0rank\0regexp_instr\0regexp_like\0"
	"regexp_replace\0regexp_substr\0repeat\0replace\0reverse\0round\0row_number\0rpad\0"
	"rtrim\0schema\0sec_to_time\0second\0session_user\0sha\0sha1\0sha2\0sign\0signed\0sin\0"
	"soundex\0space\0sqrt\0st_asbinary\0st_asgeojson\0st_astext\0st_aswkb\0st_aswkt\0"
	"st_contains\0st_distance\0st_distance_sphere\0st_geomfromtext\0st_geomfromwkb\0"
	"st_intersects\0st_within\0st_x\0st_y\0std\0stddev\0stddev_pop\0stddev_samp\0"
	"str_to_date\0strcmp\0subdate\0substr\0substring\0substring_index\0subtime\0sum\0"
	"sysdate\0system_user\0tan\0time\0time_format\0time_to_sec\0timediff\0timestamp\0"
	"timestampadd\0timestampdiff\0to_base64\0to_char\0to_days\0to_seconds\0trim\0truncate\0"
	"ucase\0uncompress\0uncompressed_length\0unhex\0unix_timestamp\0upper\0user\0utc_date\0"
	"utc_time\0utc_timestamp\0uuid\0uuid_to_bin\0var_pop\0var_samp\0varbinary\0varchar\0"
	"variance\0version\0week\0weekday\0weekofyear\0weight_string\0year\0yearweek\0";

static const char keywords[] =
	"against\0all\0and\0as\0between\0both\0by\0case\0cross\0distinct\0distinctrow\0div\0"
	"else\0exists\0from\0group\0having\0in\0index\0inner\0interval\0is\0join\0key\0keys\0"
	"left\0like\0limit\0match\0natural\0not\0on\0or\0order\0outer\0over\0partition\0regexp\0"
	"right\0rlike\0select\0set\0straight_join\0then\0union\0unique\0update\0using\0values\0"
	"when\0where\0with\0xor\0";

static const char peeks[] =
	"connection_id\0found_rows\0last_insert_id\0lastval\0row_count\0";

static const char settings[] =
	"aurora_replica_read_consistency\0autocommit\0big_tables\0bulk_insert_buffer_size\0"
	"character_set_connection\0character_set_results\0character_set_server\0"
	"collation_connection\0collation_server\0cte_max_recursion_depth\0"
	"default_storage_engine\0default_week_format\0div_precision_increment\0"
	"eq_range_index_dive_limit\0explicit_defaults_for_timestamp\0foreign_key_checks\0"
	"group_concat_max_len\0information_schema_stats_expiry\0innodb_lock_wait_timeout\0"
	"interactive_timeout\0join_buffer_size\0lc_messages\0lc_time_names\0lock_wait_timeout\0"
	"long_query_time\0low_priority_updates\0max_error_count\0max_execution_time\0"
	"max_heap_table_size\0max_join_size\0max_length_for_sort_data\0max_recursive_iterations\0"
	"max_seeks_for_key\0max_sort_length\0max_statement_time\0min_examined_row_limit\0"
	"net_read_timeout\0net_write_timeout\0optimizer_prune_level\0optimizer_search_depth\0"
	"optimizer_switch\0query_cache_type\0read_buffer_size\0read_rnd_buffer_size\0"
	"sort_buffer_size\0sql_auto_is_null\0sql_big_selects\0sql_buffer_result\0sql_mode\0"
	"sql_notes\0sql_quote_show_create\0sql_require_primary_key\0sql_safe_updates\0"
	"sql_select_limit\0sql_warnings\0statement_timeout\0storage_engine\0time_zone\0"
	"tmp_table_size\0transaction_isolation\0transaction_read_only\0tx_isolation\0"
	"tx_read_only\0unique_checks\0wait_timeout\0windowing_use_high_precision\0";

static const char readables[] =
	"aurora_server_id\0aurora_version\0character_set_client\0hostname\0innodb_read_only\0"
	"innodb_version\0lower_case_table_names\0max_allowed_packet\0port\0protocol_version\0"
	"read_only\0server_id\0server_uuid\0super_read_only\0system_time_zone\0version\0"
	"version_comment\0";
static const char asks_last[] =
	"found_rows\0row_count\0show warnings\0show errors\0warning_count\0error_count\0"
	"diagnostics\0";

static const char asks_any[] =
	"insert_id\0@identity\0session.identity\0lastval(\0previous value\0";
/* clang-format on */

static char lower_of(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/*
 * The listed word that equals this one but for case, or NULL.  A list is one row of characters: pointers
 * would have to be relocated in every process at its start, and words of one width take twice the room.
 */
static const char *find(const char *list, size_t size, struct pel_sql_span word)
{
	const char *low = list, *high = list + size;
	char lower[40];

	if (word.n >= sizeof(lower))
		return NULL;
	for (size_t i = 0; i < word.n; i++)
		lower[i] = lower_of(word.at[i]);
	lower[word.n] = '\0';
	while (low < high) {
		const char *middle = low + (high - low) / 2;
		int order;

		while (middle > low && middle[-1])
			middle--;
		order = strcmp(lower, middle);
		if (order == 0)
			return middle;
		if (order < 0)
			high = middle;
		else
			low = middle + strlen(middle) + 1;
	}
	return NULL;
}

#define FIND(list, word) find(list, sizeof(list) - 1, word)

/* The most frequent first. */
enum sql_call sql_word_call(struct pel_sql_span word)
{
	if (FIND(pure, word))
		return SQL_CALL_PURE;
	if (FIND(keywords, word))
		return SQL_CALL_KEYWORD;
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

/* LAST_INSERT_ID(5) makes an id, and asks for none. */
static bool has_argument(const char *at, const char *end)
{
	while (at < end && *at == ' ')
		at++;
	return end - at > 1 && *at == '(' && at[1] != ')';
}

bool pel_sql_recalls(const char *text, size_t n, bool last)
{
	for (const char *list = last ? asks_last : asks_any; *list; list += strlen(list) + 1) {
		for (size_t at = 0, i = 0; at + i < n; at++, i = 0) {
			while (list[i] && at + i < n && lower_of(text[at + i]) == list[i])
				i++;
			if (!list[i] && !has_argument(text + at + i, text + n))
				return true;
		}
	}
	return false;
}
