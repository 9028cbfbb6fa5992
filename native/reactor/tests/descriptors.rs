//! Its own process, because it takes all descriptors away.

mod common;

use std::fs::File;

use common::{Owner, echo, frame, read_frame, write_all};
use millrace_reactor::ReactorOptions;

#[test]
fn without_descriptors_accepting_stops_and_serving_goes_on() {
    let mut owner = Owner::new(ReactorOptions::default());
    let mut first = owner.connect();
    owner.until(echo, |owner| owner.opened.len() == 1);
    let mut waiting = owner.connect();
    let mut hoard: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    for _ in 0..20 {
        owner.tick(&mut echo);
    }
    assert_eq!(owner.opened.len(), 1);
    write_all(&mut first, &frame(b"still served"));
    owner.until(echo, |owner| owner.frame_count == 1);
    assert_eq!(read_frame(&mut first), b"still served");
    hoard.clear();
    write_all(&mut waiting, &frame(b"at last!"));
    // The sweep tries again.
    owner.until(echo, |owner| owner.frame_count == 2);
    assert_eq!(read_frame(&mut waiting), b"at last!");
}
