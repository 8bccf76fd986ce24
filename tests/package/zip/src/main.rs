//! Usage: bootstrap-zip NAME=PATH... > ZIP
//!
//! Writes a zip of these files that depends on nothing but their content: not on a clock, not on
//! permissions, and not on the compressor that a machine happens to have. The first file is
//! executable, as Lambda and people who unpack a program need it.

use std::io::{self, Cursor, Write};
use std::{env, fs};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

const EXECUTABLE: u32 = 0o755;
const READABLE: u32 = 0o644;

fn main() -> io::Result<()> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (index, argument) in env::args().skip(1).enumerate() {
        let (name, path) = argument
            .split_once('=')
            .ok_or_else(|| io::Error::other(format!("{argument} is not NAME=PATH")))?;
        let mode = if index == 0 { EXECUTABLE } else { READABLE };
        zip.start_file(name, options(mode))?;
        zip.write_all(&fs::read(path)?)?;
    }
    io::stdout().write_all(&zip.finish()?.into_inner())
}

fn options(mode: u32) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(mode)
}
