// SPDX-License-Identifier: Apache-2.0
//! As test/clients/c/writer.c, by sqlx:
//!
//!     writer HOST NUMBER MILLISECONDS WIDTH
//!
//! WIDTH loops write side by side, by one pool of four; an error ends with the moment at which its
//! statement was begun.
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions};
use std::io::Read;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

static LAST: AtomicI64 = AtomicI64::new(0);

fn now() -> i64 {
	let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
	unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &mut t) };
	t.tv_sec * 1_000_000_000 + t.tv_nsec
}

fn tell(text: String) {
	println!("{} {}", now(), text);
}

async fn write(pool: MySqlPool, number: i64, pause: Duration) {
	tell("ok 0".into());
	loop {
		let (n, begun) = (LAST.fetch_add(1, Ordering::Relaxed) + 1, now());
		let done = sqlx::query("INSERT INTO journal (writer, n) VALUES (?, ?)")
			.bind(number)
			.bind(n)
			.execute(&pool)
			.await;
		match done {
			Ok(_) => tell(format!("ok {n}")),
			Err(error) => {
				let text = error.to_string().replace('\n', " ");
				tell(format!("error {n} - - {text} @{begun}"))
			}
		}
		tokio::time::sleep(pause).await;
	}
}

#[tokio::main]
async fn main() -> Result<(), sqlx::Error> {
	let words: Vec<String> = std::env::args().collect();
	let account = MySqlConnectOptions::new()
		.host(&words[1])
		.username("app")
		.password("app")
		.database("app");
	let pool = MySqlPoolOptions::new().max_connections(4).connect_with(account).await?;
	let pause = Duration::from_millis(words[3].parse().unwrap());
	for _ in 0..words[4].parse().unwrap() {
		tokio::spawn(write(pool.clone(), words[2].parse().unwrap(), pause));
	}
	let mut rest = Vec::new();
	let _ = tokio::task::spawn_blocking(move || std::io::stdin().read_to_end(&mut rest)).await;
	std::process::exit(0);
}
