//! Link flags of the Node binary.

fn main() {
    // Native threads may outlive a worker's environment, so the library must never be unmapped.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo::rerun-if-changed=build.rs");
}
