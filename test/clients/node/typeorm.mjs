// SPDX-License-Identifier: Apache-2.0
import typeorm from 'typeorm';
import { host, port, serve, SQL } from './loop.mjs';

const source = new typeorm.DataSource({ type: 'mysql', host, port, username: 'app', password: 'app',
	database: 'app', extra: { connectionLimit: 4 } });
await source.initialize();
await serve(() => source.query(SQL, ['typeorm']), 4);
