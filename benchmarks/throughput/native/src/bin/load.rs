//! The load generator: one JSON object of settings as its only argument, one line of JSON back.
//! It sends prebuilt frames, so that the client costs almost nothing and the server's own cost shows.

use millrace_bench::report::Settings;
use millrace_bench::{end_to_end, fetch, flush, frames, produce, socket};

fn run() -> Result<String, Box<dyn std::error::Error>> {
    let argument = std::env::args()
        .nth(1)
        .ok_or("usage: load '{\"mode\":\"produce\",…}'")?;
    let settings: Settings = serde_json::from_str(&argument)?;
    let report = match settings.mode.as_str() {
        "produce" => produce::run(&settings)?,
        "fetch" => fetch::run(&settings)?,
        "end-to-end" => end_to_end::run(&settings)?,
        "flush" => flush::run(&settings)?,
        "create" => {
            let frame =
                frames::create_topic(&settings.topic, settings.partitions, &settings.configs);
            let answer = socket::ask(&settings.address, &frame)?;
            let at = 4 + 4 + 4 + 2 + settings.topic.len();
            return Ok(format!(
                "{{\"errorCode\":{}}}",
                frames::read_i16(&answer, at)
            ));
        }
        "delete" => {
            let answer = socket::ask(&settings.address, &frames::delete_topic(&settings.topic))?;
            let at = 4 + 4 + 4 + 2 + settings.topic.len();
            return Ok(format!(
                "{{\"errorCode\":{}}}",
                frames::read_i16(&answer, at)
            ));
        }
        other => return Err(format!("no mode '{other}'").into()),
    };
    Ok(serde_json::to_string(&report)?)
}

fn main() {
    match run() {
        Ok(line) => println!("{line}"),
        Err(error) => {
            eprintln!("load: {error}");
            std::process::exit(1);
        }
    }
}
