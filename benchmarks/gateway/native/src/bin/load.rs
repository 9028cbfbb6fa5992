//! The load generator: settings as one JSON object on standard input; for each phase a line when its clients are
//! all subscribed and a line with its report.

use millrace_gateway_bench::connect::raise_descriptor_limit;
use millrace_gateway_bench::load::Load;
use millrace_gateway_bench::meter::Report;
use std::io::{Read, Write};

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    raise_descriptor_limit();
    // SAFETY: prctl takes constants here. Without it timeouts are up to 50 µs late.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1) };
    let mut out = std::io::stdout();
    let mut failed = None;
    Load::new(serde_json::from_str(&text)?)?.run(|phase, report: Option<&Report>| {
        let line = match report {
            Some(report) => serde_json::to_string(report),
            None => serde_json::to_string(&serde_json::json!({ "begins": phase })),
        };
        let written = line.map_err(std::io::Error::from).and_then(|line| {
            writeln!(out, "{line}")?;
            out.flush()
        });
        failed = failed.take().or(written.err());
    })?;
    failed.map_or(Ok(()), |error| Err(error.into()))
}

fn main() {
    if let Err(error) = run() {
        eprintln!("load: {error}");
        std::process::exit(1);
    }
}
