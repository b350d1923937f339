// httparse, hyper's. The protocol is that of parsers/heads/serve.go.
use std::io::{self, BufRead, Write};

// What counts is the process's CPU time once it has warmed up, as in serve.go.
const WARM_UP: i64 = 10_000_000;

extern "C" {
    fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
}

fn cpu_time() -> i64 {
    const CLOCK_PROCESS_CPUTIME_ID: i32 = 2;
    let mut t = [0i64; 2]; // a timespec of 64-bit Linux: seconds and nanoseconds
    unsafe { clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &mut t) };
    t[0] * 1_000_000_000 + t[1]
}

fn load(file: &str) -> Vec<Vec<u8>> {
    let b = std::fs::read(file).expect(file);
    let number = |at: usize| u32::from_le_bytes(b[at..at + 4].try_into().unwrap()) as usize;
    let mut at = 4;
    (0..number(0))
        .map(|_| {
            let len = number(at);
            at += 4 + len;
            b[at - len..at].to_vec()
        })
        .collect()
}

// Draw of internal/heads.
fn below(draw: &mut u32, n: usize) -> usize {
    *draw = draw.wrapping_mul(1664525).wrapping_add(1013904223);
    (*draw as u64 * n as u64 >> 32) as usize
}

fn pass(heads: &[Vec<u8>], draw: &mut u32) -> Result<(), String> {
    for _ in 0..heads.len() {
        let h = &heads[below(draw, heads.len())];
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut req = httparse::Request::new(&mut fields);
        match req.parse(h) {
            Ok(httparse::Status::Complete(n)) if n == h.len() => {
                std::hint::black_box(&req);
            }
            other => return Err(format!("{:?}", other)),
        }
    }
    Ok(())
}

fn main() {
    let sets: Vec<_> = std::env::args().skip(1).map(|f| load(&f)).collect();
    println!("httparse (Rust)");
    for line in io::stdin().lock().lines() {
        let nums: Vec<usize> = line.unwrap().split(' ').map(|n| n.parse().unwrap()).collect();
        let mut draw = nums[3] as u32;
        let start = cpu_time();
        let mut done = Ok(());
        while done.is_ok() && cpu_time() - start < WARM_UP {
            done = pass(&sets[nums[1]], &mut draw);
        }
        draw = nums[3] as u32;
        let start = cpu_time();
        let done = done.and_then(|_| (0..nums[2]).try_for_each(|_| pass(&sets[nums[1]], &mut draw)));
        match done {
            Ok(()) => println!("{}", cpu_time() - start),
            Err(e) => println!("error {}", e),
        }
        io::stdout().flush().unwrap();
    }
}
