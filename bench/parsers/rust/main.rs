// httparse, hyper's. The protocol is that of parsers/heads/serve.go.
use std::io::{self, BufRead, Write};
use std::time::Instant;

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
        let start = Instant::now();
        let done = (0..nums[2]).try_for_each(|_| pass(&sets[nums[1]], &mut draw));
        match done {
            Ok(()) => println!("{}", start.elapsed().as_nanos()),
            Err(e) => println!("error {}", e),
        }
        io::stdout().flush().unwrap();
    }
}
