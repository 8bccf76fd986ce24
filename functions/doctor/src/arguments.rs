//! The command line.

use std::ffi::OsString;

use datadog_rotation::Kind;
use datadog_rotation::secrets::SecretArn;
use lexopt::prelude::*;

/// How it is called, in short.
pub const USAGE: &str = "\
usage: datadog-doctor check  SECRET_ARN... [--json] [--admin-secret ARN] [--type TYPE]
       datadog-doctor orphans SECRET_ARN... [--delete] [--json] [--admin-secret ARN] [--type TYPE]
       datadog-doctor probe  [--mappings ACCOUNT_ID] [--json] [--admin-secret ARN]
       datadog-doctor --help | --version
";

const HELP: &str = "
check says, for each secret, what a rotation of it would fail on. It changes nothing, and needs no
function and no rotation turned on. orphans lists keys that bear this suite's names and that no
version names. probe acts as the functions would: it makes throwaway keys at Datadog, watches what
becomes of them, and deletes them, within a minute. None of them ever prints a key.

  --delete            delete those orphaned keys that a rotation would delete itself
  --mappings ACCOUNT_ID
                      ask about mappings too, with a role of this AWS account that does not exist
  --json              one JSON document instead of tables
  --admin-secret ARN  the admin secret of secrets that name none; else ADMIN_SECRET_ARN
  --type TYPE         the secrets' type, where they do not tell it: api-key, application-key or
                      admin-key

Credentials of AWS come from the environment or a profile. The exit code is 0 if all is fine, 1 if
something would fail, is left over or could not be looked at, 2 if this was called wrong.
";

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Check,
    Orphans {
        delete: bool,
    },
    Probe {
        /// The AWS account with a role of which mappings are tried.
        mappings: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    pub command: Command,
    /// Full ARNs, each once, at least one; of a probe none.
    pub secrets: Vec<String>,
    pub json: bool,
    pub admin_secret: Option<String>,
    pub kind: Option<Kind>,
}

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    Task(Task),
    /// Help, or the version.
    Text(String),
}

#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    #[error("{0}")]
    Syntax(#[from] lexopt::Error),
    #[error("the first argument is to be check, orphans or probe")]
    NoCommand,
    #[error("at least one secret is to be named by its ARN")]
    NoSecret,
    #[error("{0:?} is no full ARN of a secret, arn:aws:secretsmanager:…")]
    NoArn(String),
    #[error("{0:?} is none of api-key, application-key and admin-key")]
    NoKind(String),
    #[error("--delete is of orphans alone")]
    Delete,
    #[error("--mappings is of probe alone")]
    Mappings,
    #[error("{0:?} is no AWS account's number of 12 digits")]
    NoAccount(String),
    #[error("probe takes no secrets; --admin-secret names the one to act with")]
    SecretsOfProbe,
    #[error("probe takes no --type")]
    KindOfProbe,
}

/// `arguments` without the program's own name.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Asked, UsageError> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let (mut command, mut is_to_delete, mut json) = (None, false, false);
    let (mut secrets, mut admin_secret, mut kind) = (Vec::new(), None, None);
    let mut mappings = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Asked::Text(format!("{USAGE}{HELP}"))),
            Short('V') | Long("version") => {
                let version = env!("CARGO_PKG_VERSION");
                return Ok(Asked::Text(format!("datadog-doctor {version}\n")));
            }
            Long("delete") => is_to_delete = true,
            Long("json") => json = true,
            Long("admin-secret") => admin_secret = Some(arn(parser.value()?.string()?)?),
            Long("mappings") => mappings = Some(account(parser.value()?.string()?)?),
            Long("type") => kind = Some(kind_of(&parser.value()?.string()?)?),
            Value(value) if command.is_none() => {
                command = Some(match value.string()?.as_str() {
                    "check" => Command::Check,
                    "orphans" => Command::Orphans { delete: false },
                    "probe" => Command::Probe { mappings: None },
                    _ => return Err(UsageError::NoCommand),
                });
            }
            Value(value) => secrets.push(arn(value.string()?)?),
            other => return Err(other.unexpected().into()),
        }
    }
    let command = match command.ok_or(UsageError::NoCommand)? {
        Command::Orphans { .. } => Command::Orphans {
            delete: is_to_delete,
        },
        _ if is_to_delete => return Err(UsageError::Delete),
        Command::Probe { .. } => Command::Probe {
            mappings: mappings.take(),
        },
        Command::Check => Command::Check,
    };
    if mappings.is_some() {
        return Err(UsageError::Mappings);
    }
    match (&command, secrets.is_empty(), kind) {
        (Command::Probe { .. }, false, _) => return Err(UsageError::SecretsOfProbe),
        (Command::Probe { .. }, true, Some(_)) => return Err(UsageError::KindOfProbe),
        (Command::Check | Command::Orphans { .. }, true, _) => return Err(UsageError::NoSecret),
        _ => {}
    }
    Ok(Asked::Task(Task {
        command,
        secrets: once_each(secrets),
        json,
        admin_secret,
        kind,
    }))
}

fn arn(text: String) -> Result<String, UsageError> {
    if SecretArn::parse(&text).is_some() {
        Ok(text)
    } else {
        Err(UsageError::NoArn(text))
    }
}

fn account(text: String) -> Result<String, UsageError> {
    if text.len() == 12 && text.bytes().all(|it| it.is_ascii_digit()) {
        Ok(text)
    } else {
        Err(UsageError::NoAccount(text))
    }
}

fn kind_of(text: &str) -> Result<Kind, UsageError> {
    match text {
        "api-key" => Ok(Kind::ApiKey),
        "application-key" => Ok(Kind::ApplicationKey),
        "admin-key" => Ok(Kind::AdminKey),
        _ => Err(UsageError::NoKind(text.to_owned())),
    }
}

/// In the order of their first naming.
pub(crate) fn once_each(secrets: Vec<String>) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for secret in secrets {
        if !once.contains(&secret) {
            once.push(secret);
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:datadog/api-AbCdEf";

    fn parsed(line: &str) -> Result<Asked, UsageError> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn options_may_stand_anywhere() {
        let line =
            format!("--json orphans --type=admin-key {ARN} --delete {ARN} --admin-secret {ARN}");
        let task = Task {
            command: Command::Orphans { delete: true },
            secrets: vec![ARN.into()],
            json: true,
            admin_secret: Some(ARN.into()),
            kind: Some(Kind::AdminKey),
        };
        assert_eq!(parsed(&line).unwrap(), Asked::Task(task));
    }

    #[test]
    fn wrong_usage_is_named() {
        for (line, words) in [
            (String::new(), "check, orphans or probe"),
            ("prove".into(), "check, orphans or probe"),
            ("check".into(), "at least one"),
            ("check datadog/api".into(), "no full ARN"),
            (format!("check {ARN} --delete"), "orphans alone"),
            (format!("check {ARN} --type key"), "api-key"),
            (format!("check {ARN} --admin-secret"), "missing argument"),
            (format!("check {ARN} --region x"), "--region"),
            (
                format!("orphans {ARN} --mappings 123456789012"),
                "probe alone",
            ),
            ("probe --mappings 12345678901".into(), "12 digits"),
            ("probe --mappings 12345678901x".into(), "12 digits"),
            ("probe --delete".into(), "orphans alone"),
            ("probe --type api-key".into(), "no --type"),
            (format!("probe {ARN}"), "no secrets"),
        ] {
            let error = parsed(&line).unwrap_err().to_string();
            assert!(error.contains(words), "{line}: {error}");
        }
    }

    #[test]
    fn a_probe_is_of_no_secret() {
        let asked = parsed("probe --mappings 123456789012 --json").unwrap();
        let Asked::Task(task) = asked else {
            panic!("no task");
        };
        let mappings = Some("123456789012".to_owned());
        assert_eq!(task.command, Command::Probe { mappings });
        assert!(task.secrets.is_empty() && task.json);
    }

    #[test]
    fn help_and_version_need_nothing_else() {
        for line in ["--help", "check -h", "--version"] {
            assert!(matches!(parsed(line).unwrap(), Asked::Text(_)), "{line}");
        }
    }
}
