<?php
// SPDX-License-Identifier: Apache-2.0
// As test/clients/python/handle.py, by mysqli, which speaks to the server without libmariadb:
// connect HOST | query SQL | begin | commit | rollback | ping | id
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
error_reporting(E_ALL & ~E_WARNING);

function query(mysqli $one, string $sql): string
{
	$result = $one->query($sql);
	$row = is_object($result) ? $result->fetch_row() : null;
	return implode('|', array_map(fn($v) => $v ?? 'NULL', $row ?? []));
}

function run(?mysqli &$one, string $verb, string $rest): string
{
	switch ($verb) {
	case 'connect':
		$one = new mysqli($rest, 'app', 'app', 'app');
		return '';
	case 'query':
		return query($one, $rest);
	case 'begin':
		$one->begin_transaction();
		return '';
	case 'commit':
		$one->commit();
		return '';
	case 'rollback':
		$one->rollback();
		return '';
	case 'ping':
		return query($one, 'SELECT 1') && '' ?: '';
	default:
		return (string)$one->thread_id;
	}
}

$one = null;
while (($line = fgets(STDIN)) !== false) {
	[$verb, $rest] = explode(' ', rtrim($line), 2) + [1 => ''];
	try {
		echo rtrim('ok ' . run($one, $verb, $rest)), "\n";
	} catch (mysqli_sql_exception $e) {
		echo "error {$e->getCode()} {$e->getSqlState()} {$e->getMessage()}\n";
	}
}
