//! Usage: bootstrap-zip < EXECUTABLE > ZIP
//!
//! A zip that holds the executable as `bootstrap` and depends on nothing else: not on a clock, and
//! not on what compressor a machine happens to have.

use std::io::{self, Cursor, Read, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

fn main() -> io::Result<()> {
    let mut executable = Vec::new();
    io::stdin().read_to_end(&mut executable)?;
    io::stdout().write_all(&zipped(&executable)?)
}

fn zipped(executable: &[u8]) -> io::Result<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(0o755);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("bootstrap", options)?;
    zip.write_all(executable)?;
    Ok(zip.finish()?.into_inner())
}
