// SPDX-License-Identifier: GPL-2.0-only
//! Panics that unwind out of stages and through them, without C++'s runtime. Says "ready", waits for
//! a line with a number of calls, works, prints its results, which are the same each time.
use std::io::{self, BufRead, Write};
use std::panic;
use std::thread;
use std::time::Duration;

struct Droppy<'a>(&'a mut u64);

impl Drop for Droppy<'_> {
    fn drop(&mut self) {
        *self.0 = self.0.wrapping_mul(31).wrapping_add(7);
    }
}

/// Every third call panics, after a destructor of its caller is due.
#[no_mangle]
#[inline(never)]
pub fn stage_panics(value: u64) -> u64 {
    thread::sleep(Duration::from_micros(300));
    if value % 3 == 2 {
        panic!("every third");
    }
    value.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23)
}

/// The panic passes through.
#[no_mangle]
#[inline(never)]
pub fn stage_through(value: u64, digest: &mut u64) -> u64 {
    let guard = Droppy(digest);
    let got = stage_panics(value);
    *guard.0 ^= got;
    got
}

/// The panic ends here.
#[no_mangle]
#[inline(never)]
pub fn stage_catches(value: u64, digest: &mut u64) -> u64 {
    panic::catch_unwind(panic::AssertUnwindSafe(|| stage_through(value, digest))).unwrap_or(1)
}

fn work(calls: u64, seed: u64) -> (u64, u64) {
    let mut digest = seed;
    let mut caught = 0;
    for i in 0..calls {
        let got = stage_catches(i, &mut digest);
        caught += u64::from(got == 1);
        digest = digest.wrapping_add(got);
    }
    (digest, caught)
}

fn main() {
    panic::set_hook(Box::new(|_| {}));
    println!("ready");
    io::stdout().flush().unwrap();
    let line = io::stdin().lock().lines().next().unwrap().unwrap();
    let calls = line.trim().parse().unwrap();
    let threads: Vec<_> = (0..4).map(|t| thread::spawn(move || work(calls, t))).collect();
    for thread in threads {
        let (digest, caught) = thread.join().unwrap();
        println!("result {digest:016x} {caught}");
    }
}
