<?php
// SPDX-License-Identifier: Apache-2.0
// As test/clients/c/writer.c, by one connection that is made anew after an error:
//
//   writer.php HOST NUMBER [MILLISECONDS [mysqli|pdo]]
[, $host, $number] = $argv;
$pause_ms = (int)($argv[3] ?? 5);
$kind = $argv[4] ?? 'mysqli';
$offset = (int)getenv('BOOT_MINUS_MONOTONIC_NS'); // PHP has the monotonic clock only

function tell(string $text): void
{
	global $offset;
	echo hrtime(true) + $offset, ' ', $text, "\n";
}

function input_ends(int $pause_ms): bool
{
	$in = [STDIN];
	$none = null;
	return stream_select($in, $none, $none, 0, $pause_ms * 1000) > 0;
}

function connect(): mysqli|PDO
{
	global $host, $kind;
	return $kind === 'mysqli' ? new mysqli($host, 'app', 'app', 'app') :
		new PDO("mysql:host=$host;dbname=app", 'app', 'app');
}

mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
error_reporting(E_ALL & ~E_WARNING);
$connection = connect();
tell('ok 0');
for ($n = 1; !input_ends($pause_ms); $n++) {
	try {
		$connection ??= connect();
		$connection->query("INSERT INTO journal (writer, n) VALUES ($number, $n)");
		tell("ok $n");
	} catch (mysqli_sql_exception | PDOException $e) {
		$state = $e instanceof PDOException ? $e->errorInfo[0] ?? '-' : $e->getSqlState();
		tell("error $n {$e->getCode()} $state {$e->getMessage()}");
		$connection = null;
	}
}
