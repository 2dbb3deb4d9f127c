// What an application does: connects by the cluster's name, writes.
'use strict';
const mysql = require('mysql2/promise');

async function main() {
	const db = await mysql.createConnection({host: process.env.DB_HOST, user: process.env.DB_USER,
		password: process.env.DB_PASSWORD, database: 'app'});
	await db.query('CREATE TABLE IF NOT EXISTS documents (at DATETIME(6))');
	const [result] = await db.query('INSERT INTO documents VALUES (NOW(6))');
	console.log('wrote', result.affectedRows);
	await db.end();
}

main();
