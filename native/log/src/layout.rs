//! Names of files and directories.

use std::path::{Path, PathBuf};

use millrace_io::{EngineError, ErrorCode, Result};

pub(crate) const LOG: &str = "log";
pub(crate) const OFFSET_INDEX: &str = "index";
pub(crate) const TIME_INDEX: &str = "timeindex";
pub(crate) const TRANSACTION_INDEX: &str = "txnindex";
pub(crate) const SNAPSHOT: &str = "snapshot";
pub(crate) const DELETED: &str = ".deleted";
pub(crate) const CLEANED: &str = ".cleaned";
pub(crate) const SWAP: &str = ".swap";
pub(crate) const EPOCHS: &str = "leader-epoch-checkpoint";
pub(crate) const PARTITION_METADATA: &str = "partition.metadata";
const DELETED_DIR: &str = "-delete";
/// The longest name a directory entry can have.
const NAME_BYTES_MAX: usize = 255;

/// All files of one segment.
pub(crate) const SEGMENT_EXTENSIONS: [&str; 4] = [LOG, OFFSET_INDEX, TIME_INDEX, TRANSACTION_INDEX];

/// `<20 digits>.<extension>` in `dir`.
pub(crate) fn segment_path(dir: &Path, base_offset: i64, extension: &str) -> PathBuf {
    dir.join(format!("{base_offset:020}.{extension}"))
}

/// `path` with `suffix` behind its name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A file of a segment, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentFileName {
    pub(crate) base_offset: i64,
    pub(crate) extension: String,
    /// `.deleted`, `.cleaned`, `.swap` or empty.
    pub(crate) suffix: String,
}

/// Reads a file name; `None` when it is not one of a segment.
pub(crate) fn parse_segment_file(path: &Path) -> Option<SegmentFileName> {
    let name = path.file_name()?.to_str()?;
    let (digits, rest) = name.split_at_checked(20)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let rest = rest.strip_prefix('.')?;
    let (extension, suffix) = match rest.find('.') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    Some(SegmentFileName {
        base_offset: digits.parse().ok()?,
        extension: extension.to_owned(),
        suffix: suffix.to_owned(),
    })
}

/// Refuses what must never become part of a path. A topic's name may start with a dot, as in Kafka.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let fine = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !matches!(name, "." | ".." | ".lock")
        && !name.bytes().any(|byte| byte == b'/' || byte == 0);
    if fine {
        return Ok(());
    }
    Err(EngineError::new(
        ErrorCode::InvalidName,
        format!("{name:?} cannot be a file name"),
    ))
}

/// A file of a log dir: one name, or two with a slash between.
pub(crate) fn check_file_name(name: &str) -> Result<()> {
    let refused = || EngineError::new(ErrorCode::InvalidName, format!("{name:?} cannot be a file"));
    let last = match name.split_once('/') {
        Some((dir, last)) => {
            check_name(dir)?;
            last
        }
        None => name,
    };
    check_name(last).map_err(|_| refused())
}

/// `<name>.<32 hex>-delete`, the name cut so that it fits.
pub(crate) fn deleted_dir_name(name: &str, unique: u128) -> String {
    let suffix = format!(".{unique:032x}{DELETED_DIR}");
    let mut keep = name.len().min(NAME_BYTES_MAX - suffix.len());
    while !name.is_char_boundary(keep) {
        keep -= 1;
    }
    format!("{}{suffix}", &name[..keep])
}

/// Whether a directory waits for its removal.
pub(crate) fn is_deleted_dir(name: &str) -> bool {
    name.ends_with(DELETED_DIR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_segment_files_are_read_back() {
        let path = with_suffix(&segment_path(Path::new("/d/t-0"), 42, LOG), SWAP);
        let name = parse_segment_file(&path).unwrap();
        assert_eq!((name.base_offset, name.extension.as_str()), (42, "log"));
        assert_eq!(name.suffix, ".swap");
        for other in [
            "leader-epoch-checkpoint",
            "0.log",
            "0000000000000000000x.log",
            "é",
        ] {
            assert_eq!(parse_segment_file(Path::new(other)), None, "{other}");
        }
    }

    #[test]
    fn paths_cannot_be_smuggled_in() {
        for bad in ["", ".", "..", ".lock", "a/b", "../x", "a\0b"] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        for bad in ["a/../b", "../x", ".lock", "a/.", "a/b/c", "/etc", "a/"] {
            assert!(check_file_name(bad).is_err(), "{bad:?}");
        }
        for good in [
            ".kafka_cleanshutdown",
            ".hidden-0",
            "t-0/partition.metadata",
            "meta.properties",
        ] {
            check_file_name(good).unwrap();
        }
    }

    #[test]
    fn names_of_deleted_directories_fit() {
        let name = deleted_dir_name(&"x".repeat(255), 7);
        assert_eq!(name.len(), 255);
        assert!(is_deleted_dir(&name));
    }
}
