<?php
// SPDX-License-Identifier: Apache-2.0
// The common part of the clients for PHP: one long connection, made anew after an error.  One line
// on stdin is one command, one line of JSON its answer; see test/clients/node/loop.mjs.

const SQL = 'INSERT INTO writes (client, server) VALUES (?, @@hostname)';
$host = $argv[1];
$port = (int)($argv[2] ?? 3306);

function now(): float
{
	return hrtime(true) / 1e6;
}

function write(callable $connect, callable $insert, int $n): array
{
	static $connection = null;
	$answer = ['ok' => 0, 'errors' => [], 'ms' => 0];
	for ($i = 0; $i < $n; $i++) {
		$begin = now();
		try {
			$connection ??= $connect();
			$insert($connection);
			$answer['ok']++;
		} catch (Exception $e) {
			$answer['errors'][] = $e->getMessage();
			$connection = null;
		}
		$answer['ms'] = max($answer['ms'], now() - $begin);
	}
	return $answer;
}

/* Writes every $pause ms, until there is a line to read: "rest". */
function busy(callable $connect, callable $insert, int $pause): array
{
	$answer = ['ok' => 0, 'errors' => [], 'longest_ms' => 0];
	$last = now();
	for (;;) {
		$in = [STDIN];
		$none = null;
		if (stream_select($in, $none, $none, 0, $pause * 1000))
			break;
		$one = write($connect, $insert, 1);
		$answer['ok'] += $one['ok'];
		$answer['errors'] = array_merge($answer['errors'], $one['errors']);
		if ($one['ok']) {
			$answer['longest_ms'] = max($answer['longest_ms'], now() - $last);
			$last = now();
		}
	}
	fgets(STDIN);
	return $answer;
}

function serve(callable $connect, callable $insert): void
{
	stream_set_read_buffer(STDIN, 0);
	echo json_encode(write($connect, $insert, 1)), "\n";
	while (($line = fgets(STDIN)) !== false) {
		[$verb, $n] = explode(' ', trim($line));
		$work = $verb === 'busy' ? 'busy' : 'write';
		echo json_encode($work($connect, $insert, (int)$n)), "\n";
	}
}
