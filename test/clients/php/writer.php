<?php
// SPDX-License-Identifier: Apache-2.0
// As test/clients/c/writer.c, by mysqli, which connects anew after an error:
//
//   writer.php HOST NUMBER [MILLISECONDS]
[, $host, $number] = $argv;
$pause_ms = (int)($argv[3] ?? 5);
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

mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
error_reporting(E_ALL & ~E_WARNING);
$connection = new mysqli($host, 'app', 'app', 'app');
tell('ok 0');
for ($n = 1; !input_ends($pause_ms); $n++) {
	try {
		$connection ??= new mysqli($host, 'app', 'app', 'app');
		$connection->query("INSERT INTO journal (writer, n) VALUES ($number, $n)");
		tell("ok $n");
	} catch (mysqli_sql_exception $e) {
		tell("error $n {$e->getCode()} {$e->getSqlState()} {$e->getMessage()}");
		$connection = null;
	}
}
