//! The disk's own floor: files that grow by one append each and are flushed at once, one thread a file.
//! No sockets, no broker: one request is one round over all files.

use crate::report::{Meter, Report, Settings};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

pub fn run(settings: &Settings) -> io::Result<Report> {
    let dir = Path::new(&settings.dir);
    std::fs::create_dir_all(dir)?;
    let names: Vec<_> = (0..settings.partitions)
        .map(|number| dir.join(format!("flush-{number}")))
        .collect();
    let files = names
        .iter()
        .map(|name| {
            OpenOptions::new()
                .create(true)
                .truncate(true)
                .write(true)
                .open(name)
        })
        .collect::<io::Result<Vec<File>>>()?;
    let report = rounds(settings, &files);
    for name in &names {
        std::fs::remove_file(name)?;
    }
    report
}

fn rounds(settings: &Settings, files: &[File]) -> io::Result<Report> {
    let append = vec![7; settings.batch_bytes];
    let (begin, end) = (Barrier::new(files.len()), Barrier::new(files.len()));
    let is_over = AtomicBool::new(false);
    let has_failed = AtomicBool::new(false);
    let flush = |file: &File| {
        if file.sync_data().is_err() {
            has_failed.store(true, Ordering::Release);
        }
    };
    std::thread::scope(|scope| {
        for file in &files[1..] {
            scope.spawn(|| {
                loop {
                    begin.wait();
                    if is_over.load(Ordering::Acquire) {
                        return;
                    }
                    flush(file);
                    end.wait();
                }
            });
        }
        let mut meter = Meter::new(settings);
        let mut written = Ok(());
        let mut position = 0;
        while written.is_ok() && !meter.is_over() {
            written = files
                .iter()
                .try_for_each(|file| file.write_all_at(&append, position));
            position += append.len() as u64;
            let started = Instant::now();
            begin.wait();
            flush(&files[0]);
            end.wait();
            meter.note(started.elapsed(), (append.len() * files.len()) as u64);
            if has_failed.load(Ordering::Acquire) {
                meter.error("a flush failed");
            }
        }
        is_over.store(true, Ordering::Release);
        begin.wait();
        written.map(|()| meter.report())
    })
}
