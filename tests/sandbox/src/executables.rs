//! The function binaries: where they are, and how cargo makes them.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, ffi::OsString};

use serde::Deserialize;

/// Cargo packages; each has one binary of the same name.
const API_KEY: &str = "datadog-api-key";
const APPLICATION_KEY: &str = "datadog-application-key";
const ADMIN_KEY: &str = "datadog-admin-key";
const SERVICE_ACCESS_TOKEN: &str = "datadog-service-access-token";

#[derive(Clone, Debug)]
pub struct Executables {
    pub api_key: PathBuf,
    pub application_key: PathBuf,
    pub admin_key: PathBuf,
    pub service_access_token: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("failed to run cargo")]
    Cargo(#[from] io::Error),
    /// Cargo has printed why.
    #[error("cargo could not build the functions")]
    Failed,
    #[error("cargo built no executable named {0}")]
    Missing(&'static str),
    #[error("{directory} holds no {name}, nor a bootstrap of it")]
    NotThere {
        name: &'static str,
        directory: String,
    },
}

/// The part of cargo's JSON messages that says where a binary went.
#[derive(Debug, Deserialize)]
struct Message {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
}

impl Executables {
    /// Binaries in one directory: under their own names, as in `target/debug`, or as the `bootstrap`
    /// of a folder that is named like the binary (`target/lambda`) or like the template's function
    /// (`.aws-sam/build`).
    pub fn in_directory(directory: &Path) -> Result<Self, BuildError> {
        let find = |name: &'static str, function: &str| {
            [
                directory.join(name),
                directory.join(name).join("bootstrap"),
                directory.join(function).join("bootstrap"),
            ]
            .into_iter()
            .find(|path| path.is_file())
            .ok_or_else(|| BuildError::NotThere {
                name,
                directory: directory.display().to_string(),
            })
        };
        Ok(Self {
            api_key: find(API_KEY, "ApiKeyFunction")?,
            application_key: find(APPLICATION_KEY, "ApplicationKeyFunction")?,
            admin_key: find(ADMIN_KEY, "AdminKeyFunction")?,
            service_access_token: find(SERVICE_ACCESS_TOKEN, "ServiceAccessTokenFunction")?,
        })
    }

    /// Builds them; `crate_done` hears the name of each finished crate.
    pub fn build(crate_done: impl FnMut(&str)) -> Result<Self, BuildError> {
        let functions = [API_KEY, APPLICATION_KEY, ADMIN_KEY, SERVICE_ACCESS_TOKEN];
        let [api_key, application_key, admin_key, service_access_token] =
            build(functions, crate_done)?;
        Ok(Self {
            api_key,
            application_key,
            admin_key,
            service_access_token,
        })
    }
}

/// Builds packages of one binary each with the cargo that runs this process, else the one on the
/// `PATH`. Compiler errors go to standard error; `crate_done` hears the name of each finished crate.
pub fn build<const N: usize>(
    packages: [&'static str; N],
    mut crate_done: impl FnMut(&str),
) -> Result<[PathBuf; N], BuildError> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    // What Cargo tells a test of its own package. Build scripts that look at these, such as ring's, would run
    // again, and all that is built on them be compiled again: now, and at the next `cargo test`.
    for name in env::vars_os().map(|(name, _)| name) {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    let mut child = command
        .args([
            "build",
            // With the features that the tests are built with: nothing is compiled twice.
            "--workspace",
            "--quiet",
            "--message-format",
            "json-render-diagnostics",
        ])
        .arg("--manifest-path")
        .arg(workspace_manifest())
        .args(packages.iter().flat_map(|package| ["--bin", package]))
        .stdout(Stdio::piped())
        .spawn()?;
    let mut found = Vec::new();
    for line in child
        .stdout
        .take()
        .into_iter()
        .flat_map(|pipe| BufReader::new(pipe).lines())
    {
        let Ok(message) = serde_json::from_str::<Message>(&line?) else {
            continue;
        };
        if let Some(target) = message.target {
            crate_done(&target.name);
            found.extend(
                message
                    .executable
                    .map(|executable| (target.name, executable)),
            );
        }
    }
    if !child.wait()?.success() {
        return Err(BuildError::Failed);
    }
    let mut built = packages.map(PathBuf::from);
    for (package, path) in packages.into_iter().zip(&mut built) {
        let executable = found.iter().find(|(name, _)| name == package);
        let executable = executable.ok_or(BuildError::Missing(package))?;
        path.clone_from(&executable.1);
    }
    Ok(built)
}

fn workspace_manifest() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml")
}
