//! A test alone in its process: nobody else takes the port, or the descriptor, that it frees.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs::File;
use std::net::TcpListener;

use millrace_io::ErrorCode;
use millrace_reactor::set_listen_backlog;

#[test]
fn a_listener_that_took_the_place_of_a_known_one_is_found() {
    let first = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = first.local_addr().unwrap();
    assert_eq!(set_listen_backlog(address.port(), 16).unwrap(), 1);
    assert_eq!(set_listen_backlog(address.port(), 16).unwrap(), 1);
    drop(first);
    // Takes the number of the one that is gone.
    let _other = File::open("/dev/null").unwrap();
    let second = TcpListener::bind(address).unwrap();
    assert_eq!(set_listen_backlog(address.port(), 16).unwrap(), 1);
    drop(second);
    let refused = set_listen_backlog(address.port(), 16).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::UnknownHandle);
}
