/* SPDX-License-Identifier: Apache-2.0 */
/* What a statement leaves in its session: one row per statement. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/sql_words.c" /* for the order of its lists */

#include "common/sql_plain.h"

#include <string.h>

#define TEXT(literal)                                                                              \
	{                                                                                          \
		literal, sizeof(literal) - 1                                                       \
	}

static const struct row {
	enum pel_sql_class class;
	struct pel_sql_span text;
} rows[] = {
	{PEL_SQL_READ, TEXT("select 1")},
	{PEL_SQL_READ, TEXT("SELECT 1;")},
	{PEL_SQL_READ, TEXT("SELECT 1 ;  ")},
	{PEL_SQL_READ, TEXT("select * from t")},
	{PEL_SQL_READ, TEXT(" 	SELECT	a, b FROM t WHERE id = 5")},
	{PEL_SQL_READ, TEXT("SELECT a FROM t WHERE name = 'O''Brien'")},
	{PEL_SQL_READ, TEXT("SELECT \"text\" FROM t")},
	{PEL_SQL_READ, TEXT("(SELECT 1) UNION (SELECT 2)")},
	{PEL_SQL_READ, TEXT("((SELECT a FROM t LIMIT 1))")},
	{PEL_SQL_READ, TEXT("SELECT /* a comment */ 1")},
	{PEL_SQL_READ, TEXT("SELECT 1 -- the end")},
	{PEL_SQL_READ, TEXT("SELECT 1 # the end")},
	{PEL_SQL_READ, TEXT("-- first\nSELECT 1")},
	{PEL_SQL_READ, TEXT("/* first */ SELECT 1")},
	{PEL_SQL_READ, TEXT("SELECT count(*), max(a), MIN(b), sum(c) FROM t")},
	{PEL_SQL_READ, TEXT("SELECT COALESCE(a, IFNULL(b, 0)) FROM t")},
	{PEL_SQL_READ, TEXT("SELECT IF(a > 1, 'x', 'y') FROM t")},
	{PEL_SQL_READ, TEXT("SELECT NOW(), CURRENT_TIMESTAMP, UTC_TIMESTAMP()")},
	{PEL_SQL_READ, TEXT("SELECT VERSION()")},
	{PEL_SQL_READ, TEXT("SELECT DATABASE()")},
	{PEL_SQL_READ, TEXT("SELECT CAST(a AS CHAR(10)) FROM t")},
	{PEL_SQL_READ, TEXT("SELECT CONVERT(a, DECIMAL(10,2)) FROM t")},
	{PEL_SQL_READ, TEXT("SELECT a FROM t WHERE b IN (1,2,3)")},
	{PEL_SQL_READ, TEXT("SELECT a FROM t WHERE b NOT IN (1)")},
	{PEL_SQL_READ, TEXT("SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a)")},
	{PEL_SQL_READ, TEXT("SELECT t.a FROM db.t AS t JOIN u USING (id)")},
	{PEL_SQL_READ, TEXT("SELECT t.a FROM t LEFT JOIN u ON (t.id = u.id)")},
	{PEL_SQL_READ, TEXT("SELECT a, ROW_NUMBER() OVER (PARTITION BY b ORDER BY c) FROM t")},
	{PEL_SQL_READ, TEXT("SELECT MATCH (a) AGAINST ('x') FROM t")},
	{PEL_SQL_READ, TEXT("SELECT `a` FROM `db`.`t`")},
	{PEL_SQL_READ, TEXT("SELECT `odd``name` FROM t")},
	{PEL_SQL_READ, TEXT("SELECT @@version")},
	{PEL_SQL_READ, TEXT("SELECT @@session.time_zone, @@global.max_join_size")},
	{PEL_SQL_PEEK, TEXT("SELECT @@global.max_connections")},
	{PEL_SQL_READ, TEXT("SELECT @@innodb_read_only, @@autocommit")},
	{PEL_SQL_READ,
		TEXT("SELECT VERSION(), @@sql_mode, @@default_storage_engine, CONVERT_TZ('2001-01-01 01:00:00', 'UTC', 'UTC') IS NOT NULL")},
	{PEL_SQL_READ, TEXT("SELECT 1.5e-3, .5, 0x1F, b'01', x'4D', _utf8'abc', N'abc'")},
	{PEL_SQL_READ, TEXT("SELECT a--1 FROM t")},
	{PEL_SQL_READ, TEXT("SELECT a - -1 FROM t")},
	{PEL_SQL_READ, TEXT("SELECT 'a;b'")},
	{PEL_SQL_READ, TEXT("SELECT '@x'")},
	{PEL_SQL_READ, TEXT("SELECT 'get_lock(1)'")},
	{PEL_SQL_READ, TEXT("SELECT 'a\\nb'")},
	{PEL_SQL_READ, TEXT("SELECT 'a\\\\'")},
	{PEL_SQL_READ, TEXT("SELECT a FROM t WHERE b LIKE '50\\%'")},
	{PEL_SQL_READ,
		TEXT("SELECT a FROM t GROUP BY a HAVING COUNT(*) > 1 ORDER BY a LIMIT 10 OFFSET 20")},
	{PEL_SQL_READ, TEXT("SELECT a AS `into` FROM t")},
	{PEL_SQL_READ, TEXT("SELECT t.into FROM t")},
	{PEL_SQL_READ, TEXT("SELECT SUBSTRING(a FROM 1 FOR 2) FROM t")},
	{PEL_SQL_READ, TEXT("SELECT a FROM t USE INDEX FOR ORDER BY (i)")},
	{PEL_SQL_READ, TEXT("SELECT next FROM t")},
	{PEL_SQL_READ, TEXT("SELECT a FROM t WHERE d > NOW() - INTERVAL (1 + 1) DAY")},
	{PEL_SQL_READ, TEXT("SELECT date_format(d, '%Y') FROM t")},
	{PEL_SQL_READ, TEXT("SELECT JSON_EXTRACT(doc, '$.a') FROM t")},
	{PEL_SQL_READ, TEXT("SELECT doc->'$.a' FROM t")},
	{PEL_SQL_READ, TEXT("SELECT CASE WHEN (a) THEN (b) ELSE (c) END FROM t")},
	{PEL_SQL_READ, TEXT("WITH x AS (SELECT 1 AS a) SELECT a FROM x")},
	{PEL_SQL_READ,
		TEXT("WITH RECURSIVE x AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM x WHERE n < 5) SELECT n FROM x")},
	{PEL_SQL_READ, TEXT("WITH a AS (SELECT 1), b AS (SELECT 2) SELECT * FROM a JOIN b")},
	{PEL_SQL_READ, TEXT("SELECT SQL_CALC_FOUND_ROWS a FROM t LIMIT 1")},
	{PEL_SQL_READ, TEXT("SELECT 1 /* ( */ + 1")},
	{PEL_SQL_READ, TEXT("SELECT /*Many words*/ 1")},
	{PEL_SQL_DIRTY, TEXT("SELECT count/**/(1)")},
	{PEL_SQL_READ, TEXT("SELECT GROUP_CONCAT(a ORDER BY b SEPARATOR ',') FROM t")},
	{PEL_SQL_READ, TEXT("SELECT DISTINCT (a) FROM t")},
	{PEL_SQL_READ, TEXT("SELECT \xc3\xa9 FROM t")},
	{PEL_SQL_WRITE, TEXT("INSERT INTO t VALUES (1)")},
	{PEL_SQL_WRITE, TEXT("INSERT INTO t (a, b) VALUES (1, 'x')")},
	{PEL_SQL_WRITE, TEXT("INSERT INTO t(a) VALUES(1),(2)")},
	{PEL_SQL_WRITE, TEXT("insert into db.t (a) values (1)")},
	{PEL_SQL_WRITE, TEXT("INSERT INTO `t` (`a`) VALUES (1)")},
	{PEL_SQL_WRITE, TEXT("INSERT INTO `db`.`t`(`a`) VALUES (1)")},
	{PEL_SQL_WRITE, TEXT("INSERT IGNORE INTO t (a) VALUES (1)")},
	{PEL_SQL_WRITE, TEXT("INSERT LOW_PRIORITY IGNORE INTO t (a) VALUES (1)")},
	{PEL_SQL_WRITE, TEXT("INSERT t VALUES (1)")},
	{PEL_SQL_WRITE, TEXT("INSERT INTO t SET a = 1, b = NOW()")},
	{PEL_SQL_WRITE, TEXT("INSERT INTO t SELECT a FROM u")},
	{PEL_SQL_WRITE, TEXT("INSERT INTO t (a) SELECT max(a) FROM u")},
	{PEL_SQL_WRITE, TEXT("INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE a = VALUES(a)")},
	{PEL_SQL_WRITE, TEXT("INSERT INTO t () VALUES ()")},
	{PEL_SQL_WRITE, TEXT("INSERT INTO get_lock (a) VALUES (1)")},
	{PEL_SQL_WRITE, TEXT("INSERT INTO t VALUES ('a;b', '@')")},
	{PEL_SQL_WRITE, TEXT("INSERT INTO t (a) VALUES (1) RETURNING a")},
	{PEL_SQL_WRITE, TEXT("REPLACE INTO t (a) VALUES (1)")},
	{PEL_SQL_WRITE, TEXT("REPLACE t SET a = 1")},
	{PEL_SQL_WRITE, TEXT("UPDATE t SET a = a + 1 WHERE id = 5")},
	{PEL_SQL_WRITE, TEXT("UPDATE t SET a = (SELECT max(b) FROM u) WHERE id IN (1,2)")},
	{PEL_SQL_WRITE, TEXT("UPDATE t JOIN u USING (id) SET t.a = u.a")},
	{PEL_SQL_WRITE, TEXT("DELETE FROM t")},
	{PEL_SQL_WRITE, TEXT("DELETE FROM t WHERE a < NOW() - INTERVAL 1 DAY")},
	{PEL_SQL_WRITE, TEXT("DELETE t FROM t JOIN u ON t.id = u.id")},
	{PEL_SQL_WRITE, TEXT("SELECT a FROM t FOR UPDATE")},
	{PEL_SQL_WRITE, TEXT("SELECT a FROM t WHERE id = 1 FOR UPDATE SKIP LOCKED")},
	{PEL_SQL_WRITE, TEXT("SELECT a FROM t FOR SHARE")},
	{PEL_SQL_WRITE, TEXT("SELECT a FROM t LOCK IN SHARE MODE")},
	{PEL_SQL_WRITE, TEXT("(SELECT a FROM t FOR UPDATE)")},
	{PEL_SQL_WRITE, TEXT("WITH x AS (SELECT 1 AS a) SELECT a FROM x FOR UPDATE")},
	{PEL_SQL_WRITE, TEXT("WITH x AS (SELECT a FROM t FOR UPDATE) SELECT a FROM x")},
	{PEL_SQL_PEEK, TEXT("SELECT LAST_INSERT_ID()")},
	{PEL_SQL_PEEK, TEXT("SELECT FOUND_ROWS()")},
	{PEL_SQL_PEEK, TEXT("SELECT ROW_COUNT()")},
	{PEL_SQL_PEEK, TEXT("SELECT CONNECTION_ID()")},
	{PEL_SQL_PEEK, TEXT("SELECT LASTVAL(s)")},
	{PEL_SQL_PEEK, TEXT("INSERT INTO t (a) VALUES (LAST_INSERT_ID())")},
	{PEL_SQL_PEEK, TEXT("UPDATE t SET a = LAST_INSERT_ID()")},
	{PEL_SQL_PEEK, TEXT("SELECT a FROM t WHERE a = LAST_INSERT_ID() FOR UPDATE")},
	{PEL_SQL_PEEK, TEXT("SHOW WARNINGS")},
	{PEL_SQL_PEEK, TEXT("SHOW TABLES LIKE 'a%'")},
	{PEL_SQL_PEEK, TEXT("SHOW VARIABLES WHERE Variable_name IN ('a')")},
	{PEL_SQL_PEEK, TEXT("DESCRIBE t")},
	{PEL_SQL_PEEK, TEXT("DESC t")},
	{PEL_SQL_PEEK, TEXT("SAVEPOINT a")},
	{PEL_SQL_PEEK, TEXT("RELEASE SAVEPOINT `a`")},
	{PEL_SQL_PEEK, TEXT("ROLLBACK TO SAVEPOINT a")},
	{PEL_SQL_PEEK, TEXT("ROLLBACK TO a")},
	{PEL_SQL_SET, TEXT("SET autocommit = 0")},
	{PEL_SQL_SET, TEXT("SET AUTOCOMMIT=1")},
	{PEL_SQL_SET, TEXT("SET @@autocommit = ON")},
	{PEL_SQL_SET, TEXT("SET character_set_server = 'utf8mb4'")},
	{PEL_SQL_SET, TEXT("SET collation_server = 'utf8mb4_unicode_ci'")},
	{PEL_SQL_SET, TEXT("SET SESSION sql_mode = 'STRICT_ALL_TABLES'")},
	{PEL_SQL_SET, TEXT("SET LOCAL time_zone = '+00:00'")},
	{PEL_SQL_SET, TEXT("SET @@session.wait_timeout = 2147483")},
	{PEL_SQL_SET, TEXT("SET @@SESSION.sql_mode = \"ANSI\", time_zone = 'UTC'")},
	{PEL_SQL_SET, TEXT("SET NAMES utf8mb4")},
	{PEL_SQL_SET, TEXT("SET NAMES 'utf8mb4' COLLATE 'utf8mb4_unicode_ci'")},
	{PEL_SQL_SET,
		TEXT("SET NAMES utf8mb4, @@SESSION.sql_mode = 'STRICT_ALL_TABLES', @@SESSION.wait_timeout = 5")},
	{PEL_SQL_SET, TEXT("SET CHARACTER SET utf8")},
	{PEL_SQL_SET, TEXT("SET CHARSET utf8")},
	{PEL_SQL_SET, TEXT("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")},
	{PEL_SQL_SET, TEXT("SET SESSION TRANSACTION READ ONLY")},
	{PEL_SQL_SET, TEXT("SET foreign_key_checks = 0;")},
	{PEL_SQL_SET, TEXT("SET @@local.long_query_time = 0.5")},
	{PEL_SQL_SET, TEXT("SET long_query_time = 1.5e-3, sql_notes = OFF")},
	{PEL_SQL_SET, TEXT("SET sql_auto_is_null := 0")},
	{PEL_SQL_SET, TEXT("SET max_join_size = DEFAULT")},
	{PEL_SQL_SET, TEXT("SET lc_time_names = en_US")},
	{PEL_SQL_SET, TEXT("SET net_read_timeout = +5 -- five")},
	{PEL_SQL_USE, TEXT("USE db")},
	{PEL_SQL_USE, TEXT("use `db`;")},
	{PEL_SQL_BEGIN, TEXT("BEGIN")},
	{PEL_SQL_BEGIN, TEXT("begin work")},
	{PEL_SQL_BEGIN, TEXT("START TRANSACTION")},
	{PEL_SQL_BEGIN, TEXT("START TRANSACTION READ ONLY")},
	{PEL_SQL_BEGIN, TEXT("START TRANSACTION WITH CONSISTENT SNAPSHOT")},
	{PEL_SQL_END, TEXT("COMMIT")},
	{PEL_SQL_END, TEXT("COMMIT WORK")},
	{PEL_SQL_END, TEXT("ROLLBACK")},
	{PEL_SQL_END, TEXT("rollback ;")},
	{PEL_SQL_DIRTY, TEXT("")},
	{PEL_SQL_DIRTY, TEXT("")},
	{PEL_SQL_DIRTY, TEXT(";")},
	{PEL_SQL_READ, TEXT("SELECT")},
	{PEL_SQL_WRITE, TEXT("INSERT")},
	{PEL_SQL_DIRTY, TEXT("SELECT 1; SELECT 2")},
	{PEL_SQL_DIRTY, TEXT("SELECT 1;;")},
	{PEL_SQL_DIRTY, TEXT("SELECT @a")},
	{PEL_SQL_DIRTY, TEXT("SELECT @a := 1")},
	{PEL_SQL_DIRTY, TEXT("SELECT @'a'")},
	{PEL_SQL_DIRTY, TEXT("SELECT 1 INTO @a")},
	{PEL_SQL_DIRTY, TEXT("SELECT a INTO OUTFILE '/tmp/x' FROM t")},
	{PEL_SQL_DIRTY, TEXT("SELECT a FROM t INTO DUMPFILE '/tmp/x'")},
	{PEL_SQL_DIRTY, TEXT("SELECT a INTO b FROM t")},
	{PEL_SQL_DIRTY, TEXT("SELECT GET_LOCK('a', 1)")},
	{PEL_SQL_DIRTY, TEXT("SELECT RELEASE_LOCK('a')")},
	{PEL_SQL_DIRTY, TEXT("SELECT RELEASE_ALL_LOCKS()")},
	{PEL_SQL_DIRTY, TEXT("SELECT IS_FREE_LOCK('a')")},
	{PEL_SQL_DIRTY, TEXT("SELECT SLEEP(1)")},
	{PEL_SQL_DIRTY, TEXT("SELECT BENCHMARK(1, 1)")},
	{PEL_SQL_DIRTY, TEXT("SELECT LAST_INSERT_ID(5)")},
	{PEL_SQL_DIRTY, TEXT("UPDATE t SET a = LAST_INSERT_ID(a + 1)")},
	{PEL_SQL_DIRTY, TEXT("SELECT NEXTVAL(s)")},
	{PEL_SQL_DIRTY, TEXT("SELECT SETVAL(s, 5)")},
	{PEL_SQL_DIRTY, TEXT("SELECT NEXT VALUE FOR s")},
	{PEL_SQL_DIRTY, TEXT("SELECT PREVIOUS VALUE FOR s")},
	{PEL_SQL_DIRTY, TEXT("INSERT INTO t VALUES (NEXT VALUE FOR s)")},
	{PEL_SQL_DIRTY, TEXT("SELECT my_function(1)")},
	{PEL_SQL_DIRTY, TEXT("SELECT my_function (1)")},
	{PEL_SQL_DIRTY, TEXT("SELECT my_function/* */(1)")},
	{PEL_SQL_DIRTY, TEXT("SELECT db.count(1)")},
	{PEL_SQL_DIRTY, TEXT("SELECT db.my_function(1)")},
	{PEL_SQL_DIRTY, TEXT("SELECT `count`(1)")},
	{PEL_SQL_DIRTY, TEXT("SELECT `f` (1)")},
	{PEL_SQL_DIRTY, TEXT("SELECT \"f\"(1)")},
	{PEL_SQL_DIRTY, TEXT("SELECT count (1)")},
	{PEL_SQL_DIRTY, TEXT("SELECT max -- what\n(1)")},
	{PEL_SQL_DIRTY, TEXT("SELECT MASTER_POS_WAIT('a', 1)")},
	{PEL_SQL_DIRTY, TEXT("SELECT LOAD_FILE('/etc/passwd')")},
	{PEL_SQL_DIRTY, TEXT("SELECT UUID_SHORT()")},
	{PEL_SQL_DIRTY, TEXT("SELECT EXTRACTVALUE(a, '$@x')")},
	{PEL_SQL_DIRTY, TEXT("SELECT a FROM t PROCEDURE ANALYSE()")},
	{PEL_SQL_DIRTY, TEXT("SELECT /*! 1 */")},
	{PEL_SQL_DIRTY, TEXT("SELECT /*!50000 GET_LOCK('a', 1) */")},
	{PEL_SQL_DIRTY, TEXT("SELECT /*M! 1 */")},
	{PEL_SQL_DIRTY, TEXT("SELECT /*M!100100 1 */")},
	{PEL_SQL_DIRTY, TEXT("SELECT /*+ SET_VAR(sort_buffer_size = 16M) */ 1")},
	{PEL_SQL_DIRTY, TEXT("/*!50000 SET NAMES utf8 */")},
	{PEL_SQL_DIRTY, TEXT("SELECT /* unterminated")},
	{PEL_SQL_DIRTY, TEXT("SELECT 'unterminated")},
	{PEL_SQL_DIRTY, TEXT("SELECT \"unterminated")},
	{PEL_SQL_DIRTY, TEXT("SELECT `unterminated")},
	{PEL_SQL_DIRTY, TEXT("SELECT 'a\\'b'")},
	{PEL_SQL_DIRTY, TEXT("SELECT 'a\\'")},
	{PEL_SQL_DIRTY, TEXT("SELECT 'a\\\\\\'b'")},
	{PEL_SQL_DIRTY, TEXT("SELECT '\xc4\\a'")},
	{PEL_SQL_DIRTY, TEXT("SELECT `\xc4`")},
	{PEL_SQL_DIRTY, TEXT("SELECT \x01")},
	{PEL_SQL_DIRTY, TEXT("SELECT \x00")},
	{PEL_SQL_DIRTY, TEXT("SELECT {fn now()}")},
	{PEL_SQL_DIRTY, TEXT("SELECT 1 \\ 2")},
	{PEL_SQL_PEEK, TEXT("SELECT @@last_insert_id")},
	{PEL_SQL_PEEK, TEXT("SELECT @@identity")},
	{PEL_SQL_PEEK, TEXT("SELECT @@rand_seed1")},
	{PEL_SQL_PEEK, TEXT("SELECT @@warning_count")},
	{PEL_SQL_PEEK, TEXT("SELECT @@unknown_variable")},
	{PEL_SQL_DIRTY, TEXT("SELECT @@ version")},
	{PEL_SQL_READ, TEXT("SELECT @@user.version")},
	{PEL_SQL_DIRTY, TEXT("SELECT f(1) FROM t")},
	{PEL_SQL_DIRTY, TEXT("(INSERT INTO t VALUES (1))")},
	{PEL_SQL_WRITE, TEXT("INSERT DELAYED INTO t VALUES (1)")},
	{PEL_SQL_DIRTY, TEXT("INSERT INTO t VALUES (f(1))")},
	{PEL_SQL_DIRTY, TEXT("INSERT INTO t VALUES (@a)")},
	{PEL_SQL_DIRTY, TEXT("INSERT INTO t SELECT f(1)")},
	{PEL_SQL_DIRTY, TEXT("INSERT INTO t (SELECT f(1))")},
	{PEL_SQL_DIRTY, TEXT("INSERT INTO t SET a = f(1)")},
	{PEL_SQL_DIRTY, TEXT("INSERT INTO t WITH x AS (SELECT f(1)) SELECT 1")},
	{PEL_SQL_DIRTY, TEXT("REPLACE INTO t () VALUES (f(1))")},
	{PEL_SQL_DIRTY, TEXT("INSERT INTO t SELECT GET_LOCK('a', 1)")},
	{PEL_SQL_DIRTY, TEXT("INSERT INTO t PARTITION (p) SELECT f(1)")},
	{PEL_SQL_DIRTY, TEXT("INSERT INTO t VALUES (1); SET sql_mode = ''")},
	{PEL_SQL_DIRTY, TEXT("UPDATE t SET a = f(1)")},
	{PEL_SQL_DIRTY, TEXT("UPDATE t SET a = (@b := a)")},
	{PEL_SQL_DIRTY, TEXT("DELETE FROM t WHERE a = f(1)")},
	{PEL_SQL_DIRTY, TEXT("WITH x AS (SELECT f(1)) SELECT a FROM x")},
	{PEL_SQL_DIRTY, TEXT("WITH x AS (SELECT @a) SELECT a FROM x")},
	{PEL_SQL_DIRTY, TEXT("WITH x AS (SELECT 1) UPDATE t SET a = 1")},
	{PEL_SQL_DIRTY, TEXT("WITH x AS (SELECT 1) DELETE FROM t")},
	{PEL_SQL_DIRTY, TEXT("WITH x(a) AS (SELECT 1) SELECT a FROM x")},
	{PEL_SQL_READ, TEXT("WITH x AS (SELECT 1")},
	{PEL_SQL_DIRTY, TEXT("SET @a = 1")},
	{PEL_SQL_DIRTY, TEXT("SET @@global.sql_mode = ''")},
	{PEL_SQL_DIRTY, TEXT("SET GLOBAL max_connections = 5")},
	{PEL_SQL_DIRTY, TEXT("SET PERSIST max_connections = 5")},
	{PEL_SQL_DIRTY, TEXT("SET sql_mode = CONCAT(@@sql_mode, ',ANSI')")},
	{PEL_SQL_DIRTY, TEXT("SET sql_mode = @a")},
	{PEL_SQL_DIRTY, TEXT("SET sql_mode = (SELECT 1)")},
	{PEL_SQL_DIRTY, TEXT("SET sql_mode = 'a\\b'")},
	{PEL_SQL_DIRTY, TEXT("SET autocommit = 0, @a = 1")},
	{PEL_SQL_DIRTY, TEXT("SET autocommit")},
	{PEL_SQL_DIRTY, TEXT("SET @@session autocommit = 0")},
	{PEL_SQL_DIRTY, TEXT("SET sql_mode = @@global.sql_mode")},
	{PEL_SQL_DIRTY, TEXT("SET sql_mode = f(1)")},
	{PEL_SQL_DIRTY, TEXT("(SET autocommit = 0)")},
	{PEL_SQL_DIRTY, TEXT("SET autocommit = ")},
	{PEL_SQL_DIRTY, TEXT("SET")},
	{PEL_SQL_DIRTY, TEXT("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")},
	{PEL_SQL_DIRTY, TEXT("SET TRANSACTION READ ONLY")},
	{PEL_SQL_DIRTY, TEXT("SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY")},
	{PEL_SQL_DIRTY, TEXT("SET PASSWORD = 'x'")},
	{PEL_SQL_DIRTY, TEXT("SET ROLE admin")},
	{PEL_SQL_DIRTY, TEXT("SET timestamp = 5")},
	{PEL_SQL_DIRTY, TEXT("SET insert_id = 5")},
	{PEL_SQL_DIRTY, TEXT("SET last_insert_id = 5")},
	{PEL_SQL_DIRTY, TEXT("SET pseudo_thread_id = 5")},
	{PEL_SQL_DIRTY, TEXT("SET sql_log_bin = 0")},
	{PEL_SQL_DIRTY, TEXT("SET STATEMENT max_statement_time = 1 FOR SELECT 1")},
	{PEL_SQL_DIRTY, TEXT("SET NAMES utf8; SELECT 1")},
	{PEL_SQL_SET, TEXT("SET autocommit = 1 + 1")},
	{PEL_SQL_DIRTY, TEXT("CALL p()")},
	{PEL_SQL_DIRTY, TEXT("DO SLEEP(1)")},
	{PEL_SQL_DIRTY, TEXT("DO GET_LOCK('a', 1)")},
	{PEL_SQL_DIRTY, TEXT("XA START 'a'")},
	{PEL_SQL_DIRTY, TEXT("XA COMMIT 'a'")},
	{PEL_SQL_DIRTY, TEXT("LOAD DATA INFILE 'x' INTO TABLE t")},
	{PEL_SQL_DIRTY, TEXT("LOAD DATA LOCAL INFILE 'x' INTO TABLE t")},
	{PEL_SQL_DIRTY, TEXT("LOCK TABLES t WRITE")},
	{PEL_SQL_DIRTY, TEXT("UNLOCK TABLES")},
	{PEL_SQL_DIRTY, TEXT("FLUSH TABLES WITH READ LOCK")},
	{PEL_SQL_DIRTY, TEXT("CREATE TEMPORARY TABLE t (a INT)")},
	{PEL_SQL_DIRTY, TEXT("CREATE TABLE t (a INT)")},
	{PEL_SQL_DIRTY, TEXT("DROP TABLE t")},
	{PEL_SQL_DIRTY, TEXT("ALTER TABLE t ADD b INT")},
	{PEL_SQL_DIRTY, TEXT("TRUNCATE TABLE t")},
	{PEL_SQL_DIRTY, TEXT("PREPARE s FROM 'SELECT 1'")},
	{PEL_SQL_DIRTY, TEXT("EXECUTE s")},
	{PEL_SQL_DIRTY, TEXT("EXECUTE IMMEDIATE 'SELECT 1'")},
	{PEL_SQL_DIRTY, TEXT("DEALLOCATE PREPARE s")},
	{PEL_SQL_DIRTY, TEXT("HANDLER t OPEN")},
	{PEL_SQL_DIRTY, TEXT("KILL 5")},
	{PEL_SQL_DIRTY, TEXT("COMMIT AND CHAIN")},
	{PEL_SQL_DIRTY, TEXT("COMMIT RELEASE")},
	{PEL_SQL_DIRTY, TEXT("ROLLBACK AND CHAIN")},
	{PEL_SQL_DIRTY, TEXT("BEGIN NOT ATOMIC SELECT 1; END")},
	{PEL_SQL_DIRTY, TEXT("START SLAVE")},
	{PEL_SQL_DIRTY, TEXT("START TRANSACTION; SELECT 1")},
	{PEL_SQL_DIRTY, TEXT("SHOW VARIABLES WHERE f(1)")},
	{PEL_SQL_DIRTY, TEXT("EXPLAIN SELECT f(1)")},
	{PEL_SQL_DIRTY, TEXT("ANALYZE SELECT 1")},
	{PEL_SQL_DIRTY, TEXT("VALUES (1)")},
	{PEL_SQL_DIRTY, TEXT("TABLE t")},
	{PEL_SQL_DIRTY, TEXT("USE")},
	{PEL_SQL_DIRTY, TEXT("USE a b")},
	{PEL_SQL_DIRTY, TEXT("USE db; SELECT 1")},
	{PEL_SQL_DIRTY, TEXT("INSTALL PLUGIN x SONAME 'y'")},
	{PEL_SQL_DIRTY, TEXT("GRANT SELECT ON t TO u")},
	{PEL_SQL_DIRTY, TEXT("RESET QUERY CACHE")},
	{PEL_SQL_DIRTY, TEXT("nonsense")},
	{PEL_SQL_DIRTY, TEXT("5")},
	{PEL_SQL_DIRTY, TEXT("'text'")},
	{PEL_SQL_DIRTY, TEXT("`SELECT` 1")},
};

/*
 * What begins like these is dirty, for it must not be executed again or is an error at the server,
 * and yet leaves nothing in the session: the quick look may pass it.
 */
static const char *const harmless_anyway[] = {
	"SELECT a INTO",
	"SELECT a FROM t INTO DUMPFILE",
	"SELECT NEXT VALUE",
	"SELECT PREVIOUS VALUE",
	"SELECT /*",
	"SELECT 'unterminated",
	"SELECT \"unterminated",
	"SELECT `unterminated",
	"SELECT 'a\\",
	"SELECT '\xc4",
	"SELECT `\xc4",
	"SELECT \x01",
	"SELECT \x00",
	"SELECT 1 \\",
};
#define ROWS (sizeof(rows) / sizeof(*rows))

static const char *class_name(enum pel_sql_class class)
{
	static const char *const names[] = {"dirty", "read", "write", "peek", "set", "use", "begin",
		"end"};

	return names[class];
}

/* A copy that ends where the text ends, so that a tool sees any look beyond it. */
static char *copy(struct pel_sql_span text)
{
	char *at = malloc(text.n ? text.n : 1);

	assert_non_null(at);
	memcpy(at, text.at, text.n);
	return at;
}

static bool is_harmless_anyway(const char *text)
{
	for (size_t i = 0; i < sizeof(harmless_anyway) / sizeof(*harmless_anyway); i++) {
		if (strncmp(text, harmless_anyway[i], strlen(harmless_anyway[i])) == 0)
			return true;
	}
	return false;
}

static void every_statement_has_its_class(void **state)
{
	size_t wrong = 0;

	for (size_t i = 0; i < ROWS; i++) {
		char *text = copy(rows[i].text);
		enum pel_sql_class class = pel_sql_classify(text, rows[i].text.n, 0);

		if (class != rows[i].class) {
			print_error("%s, not %s: %s\n", class_name(class),
				class_name(rows[i].class), rows[i].text.at);
			wrong++;
		}
		free(text);
	}
	assert_int_equal(wrong, 0);
}

static void the_quick_look_never_passes_what_leaves_something(void **state)
{
	size_t wrong = 0, passed = 0;

	for (size_t i = 0; i < ROWS; i++) {
		char *text = copy(rows[i].text);

		if (pel_sql_is_harmless(text, rows[i].text.n)) {
			passed++;
			if (rows[i].class != PEL_SQL_READ && rows[i].class != PEL_SQL_WRITE &&
				rows[i].class != PEL_SQL_PEEK &&
				!is_harmless_anyway(rows[i].text.at)) {
				print_error("%s\n", rows[i].text.at);
				wrong++;
			}
		}
		free(text);
	}
	print_message("# %zu of %zu statements are judged by the quick look\n", passed, ROWS);
	assert_int_equal(wrong, 0);
	assert_true(passed > 20);
}

/* What the quick look is for: the shapes that most programs send most. */
static void the_quick_look_knows_common_statements(void **state)
{
	static const char *const common[] = {
		"SELECT 1 FROM t",
		"SELECT id, name FROM users WHERE id = 5",
		"UPDATE t SET a = a + 1, b = 'x' WHERE id = 5",
		"delete from t where a = 1 and b = 2",
		"REPLACE INTO t SET a = 1",
		"INSERT INTO t SET a = 1, b = 'x'",
		"INSERT INTO t (a, b) VALUES (1, 'me@here')",
		"SELECT COUNT(*) FROM t WHERE a IN (1, 2)",
	};
	static const char *const not_surely[] = {"", "SELECT", "SELECT f(1)", "SELECT @a FROM t",
		"SELECT 1; SET a = 1", "CREATE TABLE t LIKE u", "selective"};

	for (size_t i = 0; i < sizeof(common) / sizeof(*common); i++)
		assert_true(pel_sql_is_harmless(common[i], strlen(common[i])));
	for (size_t i = 0; i < sizeof(not_surely) / sizeof(*not_surely); i++)
		assert_false(pel_sql_is_harmless(not_surely[i], strlen(not_surely[i])));
}

static void a_known_escape_makes_strings_certain(void **state)
{
	static const char quoted[] = "SELECT 'it\\'s'", accented[] = "SELECT '\xc3\xa9\\\\'";
	static const char hidden[] = "SELECT 'a\\', f(1), '";

	assert_int_equal(pel_sql_classify(quoted, sizeof(quoted) - 1, 0), PEL_SQL_DIRTY);
	assert_int_equal(pel_sql_classify(quoted, sizeof(quoted) - 1, PEL_SQL_ESCAPES),
		PEL_SQL_READ);
	assert_int_equal(pel_sql_classify(hidden, sizeof(hidden) - 1, 0), PEL_SQL_DIRTY);
	assert_int_equal(pel_sql_classify(accented, sizeof(accented) - 1, PEL_SQL_ESCAPES),
		PEL_SQL_DIRTY);
	assert_int_equal(pel_sql_classify(accented, sizeof(accented) - 1,
				 PEL_SQL_ESCAPES | PEL_SQL_ASCII),
		PEL_SQL_READ);
}

static void settings_are_listed_in_order(void **state)
{
	static const char text[] = "SET NAMES 'utf8mb4' COLLATE utf8mb4_bin, @@Session.SQL_mode = "
				   "'ANSI', Autocommit=0, LOCAL wait_timeout := -1;";
	static const struct {
		const char *name, *value;
		bool is_variable;
	} expected[] = {
		{"names", "'utf8mb4' COLLATE utf8mb4_bin", false},
		{"sql_mode", "'ANSI'", true},
		{"autocommit", "0", true},
		{"wait_timeout", "-1", true},
	};
	struct pel_sql_setting setting;
	size_t at = 0;

	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		assert_true(pel_sql_next_setting(text, sizeof(text) - 1, 0, &at, &setting));
		assert_string_equal(setting.name, expected[i].name);
		assert_int_equal(setting.value.n, strlen(expected[i].value));
		assert_memory_equal(setting.value.at, expected[i].value, setting.value.n);
		assert_int_equal(setting.is_variable, expected[i].is_variable);
	}
	assert_false(pel_sql_next_setting(text, sizeof(text) - 1, 0, &at, &setting));
}

static void a_transaction_setting_is_one_of_two(void **state)
{
	static const char text[] = "SET LOCAL TRANSACTION ISOLATION LEVEL READ COMMITTED";
	struct pel_sql_setting setting;
	size_t at = 0;

	assert_true(pel_sql_next_setting(text, sizeof(text) - 1, 0, &at, &setting));
	assert_string_equal(setting.name, "session transaction isolation level");
	assert_int_equal(setting.value.n, strlen("READ COMMITTED"));
	assert_memory_equal(setting.value.at, "READ COMMITTED", setting.value.n);
	assert_int_equal(at, sizeof(text) - 1);
}

static void a_used_database_is_named_as_written(void **state)
{
	struct pel_sql_span name;

	assert_true(pel_sql_used_database("USE `a b`;", 10, &name));
	assert_int_equal(name.n, 5);
	assert_memory_equal(name.at, "`a b`", 5);
	assert_false(pel_sql_used_database("USE a b", 7, &name));
	assert_false(pel_sql_used_database("USER", 4, &name));
}

/* Whatever a statement is cut to, nothing beyond it is read (the sanitized build sees it). */
static void every_prefix_of_every_statement_is_safe(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		for (size_t n = 0; n < rows[i].text.n; n++) {
			struct pel_sql_span piece = {rows[i].text.at, n};
			char *text = copy(piece);

			(void)pel_sql_classify(text, n, PEL_SQL_ESCAPES);
			(void)pel_sql_is_harmless(text, n);
			free(text);
		}
	}
}

static void the_lists_are_sorted(void **state)
{
	static const struct {
		const char *list;
		size_t size;
	} lists[] = {
		{pure, sizeof(pure) - 1},
		{keywords, sizeof(keywords) - 1},
		{peeks, sizeof(peeks) - 1},
		{settings, sizeof(settings) - 1},
		{readables, sizeof(readables) - 1},
	};

	for (size_t l = 0; l < sizeof(lists) / sizeof(*lists); l++) {
		const char *end = lists[l].list + lists[l].size, *before = "";

		assert_int_equal(end[-1], '\0');
		for (const char *word = lists[l].list; word < end; word += strlen(word) + 1) {
			struct pel_sql_span span = {word, strlen(word)};

			if (strcmp(before, word) >= 0)
				fail_msg("%s stands before %s", before, word);
			assert_ptr_equal(find(lists[l].list, lists[l].size, span), word);
			before = word;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_statement_has_its_class),
		cmocka_unit_test(the_quick_look_never_passes_what_leaves_something),
		cmocka_unit_test(the_quick_look_knows_common_statements),
		cmocka_unit_test(a_known_escape_makes_strings_certain),
		cmocka_unit_test(settings_are_listed_in_order),
		cmocka_unit_test(a_transaction_setting_is_one_of_two),
		cmocka_unit_test(a_used_database_is_named_as_written),
		cmocka_unit_test(every_prefix_of_every_statement_is_safe),
		cmocka_unit_test(the_lists_are_sorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
