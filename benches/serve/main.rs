//! `wscli serve` measured: its CPU time a message against a raw TCP echo of our
//! own, its memory a connection, and whether anything is left behind.
//!
//!     cargo bench --bench serve [-- echo|memory|flood|churn|all]
//!
//! The servers are processes of their own with one worker, and so are the
//! clients. The two echoes take turns within one run, and medians count: what
//! else happens on the machine then meets both.

#![allow(clippy::print_stdout, reason = "a benchmark prints")]

mod client;
mod process;

use std::time::Duration;

use process::{Client, Server};

/// Turns of each echo.
const ROUNDS: usize = 15;
const ROUND_MS: u64 = 700;
const PAYLOAD_BYTES: usize = 64;

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        // The parts that run in processes of their own.
        ["raw-echo"] => client::raw_echo(),
        ["client", rest @ ..] => client::run(rest),
        [] | ["all"] => {
            echo();
            memory();
            flood();
            churn();
        }
        ["echo"] => echo(),
        ["memory"] => memory(),
        ["flood"] => flood(),
        ["churn"] => churn(),
        _ => println!("usage: cargo bench --bench serve -- [echo|memory|flood|churn|all]"),
    }
}

/// CPU microseconds a message.
fn echo() {
    println!("CPU time a message of {PAYLOAD_BYTES} bytes, medians of {ROUNDS} turns:");
    println!("| connections × in flight | raw TCP echo | wscli serve | ratio |");
    println!("|---|---|---|---|");
    for (connections, in_flight, most) in
        [(100, 1, Some(1.3)), (100, 16, None), (100, 64, Some(2.6))]
    {
        let raw = Server::raw_echo();
        let wscli = Server::wscli(&["--workers", "1"]);
        let mut costs = [Vec::new(), Vec::new()];
        let mut rates = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (index, (server, kind)) in [(&raw, "raw"), (&wscli, "ws")].into_iter().enumerate() {
                let before = server.cpu();
                let messages = Client::load(kind, server.port, connections, in_flight, ROUND_MS);
                let used = server.cpu() - before;
                costs[index].push(micros(used) / messages);
                rates[index].push(messages * 1000.0 / ROUND_MS as f64);
            }
        }
        // Of neighbours in time, so that what else the machine does is in both.
        let ratios = costs[1].iter().zip(&costs[0]).map(|(ws, raw)| ws / raw);
        let ratio = median(ratios.collect());
        let [raw_cost, ws_cost] = costs.map(median);
        let [raw_rate, ws_rate] = rates.map(median);
        let verdict = match most {
            None => String::new(),
            Some(most) if ratio <= most => format!(" (at most {most})"),
            Some(most) => format!(" (MISSED: at most {most})"),
        };
        println!(
            "| {connections}×{in_flight} | {raw_cost:.3} µs, {:.0}k/s | {ws_cost:.3} µs, {:.0}k/s | {ratio:.2}{verdict} |",
            raw_rate / 1000.0,
            ws_rate / 1000.0
        );
    }
}

/// Bytes a plain connection, with 10,000 of them open.
fn memory() {
    for args in [&[][..], &["--workers", "1"]] {
        let server = Server::wscli(args);
        let before = server.rss_bytes();
        let clients: Vec<_> = (0..2).map(|_| Client::hold(server.port, 5000)).collect();
        let after = server.rss_bytes();
        let each = after.saturating_sub(before) as f64 / 10_000.0 / 1024.0;
        println!(
            "10,000 connections from 2 processes {args:?}: {:.1} KiB each ({} MiB in all), {} descriptors",
            each,
            after >> 20,
            server.descriptors()
        );
        drop(clients);
    }
}

/// The quiet client's round trips while another floods.
fn flood() {
    let server = Server::wscli(&["--workers", "1"]);
    let alone = Client::quiet(server.port, Duration::from_secs(3));
    let flood = Client::flood(server.port);
    let beside = Client::quiet(server.port, Duration::from_secs(5));
    drop(flood);
    println!(
        "a quiet client's round trips: alone {alone}; beside a flood {beside} (p99 under 50 ms wanted)"
    );
    // One that sends and never reads: its memory, and its end.
    let server = Server::wscli(&["--workers", "1", "--write-timeout", "2s"]);
    let (before, descriptors) = (server.rss_bytes(), server.descriptors());
    let deaf = Client::deaf(server.port);
    let most = server.most_rss_until(descriptors);
    println!(
        "a client that reads nothing: {} KiB at most, closed by --write-timeout",
        most.saturating_sub(before) >> 10
    );
    drop(deaf);
}

/// What 100,000 connections leave behind.
fn churn() {
    let server = Server::wscli(&["--workers", "1"]);
    // What is allocated once is there after the first.
    Client::churn(server.port, 10_000);
    let (fds, rss) = (server.descriptors(), server.rss_bytes());
    for turn in 1..=2 {
        let took = Client::churn(server.port, 100_000);
        println!(
            "100,000 connects and closes, turn {turn}: {:.0}/s, descriptors {fds} → {}, memory {} → {} KiB",
            100_000.0 / took.as_secs_f64(),
            server.descriptors(),
            rss >> 10,
            server.rss_bytes() >> 10
        );
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
