//! The command line.

use std::ffi::{OsStr, OsString};

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use datadog_rotation::Kind;
use datadog_rotation::inspect::leak::LeakedLabel;
use datadog_rotation::inspect::trust::AwsRole;
use datadog_rotation::keys::{ApiKey, AppKey, ServiceAccountId};
use datadog_rotation::secrets::SecretArn;

const EXIT_CODES: &str = "\
Exit codes:
  0  all is fine
  1  a rotation would fail, a shared key or a tag has to be mended, an orphaned key is left, a role
     lacks trust, or something could not be looked at
  2  the command line is wrong

AWS credentials come from the environment or a profile. No command ever prints a key.";

const CHECK_EXAMPLES: &str = "\
Examples:
  datadog-doctor check datadog/api-key
  datadog-doctor check arn:aws:secretsmanager:us-east-1:123456789012:secret:datadog/api-key-AbCdEf
  datadog-doctor check datadog/api-key datadog/app-key --json | jq '.secrets[] | select(.ok | not)'";

const ORPHANS_EXAMPLES: &str = "\
Examples:
  datadog-doctor orphans datadog/api-key datadog/app-key
  datadog-doctor orphans datadog/api-key datadog/app-key --delete

Name all secrets of an organisation at once: a key that another of them holds is not orphaned.";

const LEAKED_EXAMPLES: &str = "\
Examples:
  datadog-doctor leaked datadog/api-key
  datadog-doctor leaked datadog/api-key --previous

Consumers that have not read the new value are refused from then on: restart those that cache it.";

const PROBE_EXAMPLES: &str = "\
Examples:
  datadog-doctor probe --admin-secret arn:aws:secretsmanager:us-east-1:123456789012:secret:datadog/admin-AbCdEf
  datadog-doctor probe --mappings 123456789012";

const TRUST_EXAMPLES: &str = "\
Examples:
  datadog-doctor trust --admin-secret arn:aws:secretsmanager:us-east-1:123456789012:secret:datadog/bootstrap-AbCdEf
  datadog-doctor trust arn:aws:iam::123456789012:role/datadog-api-key-role --json | jq '.roles[] | select(.ok | not)'
  datadog-doctor trust $(aws cloudformation describe-stacks --stack-name STACK --output text --query \
    \"Stacks[0].Outputs[?ends_with(OutputKey, 'RoleArn') && OutputKey != 'TrustRoleArn'].OutputValue\")";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  datadog-doctor completions bash > /etc/bash_completion.d/datadog-doctor
  datadog-doctor completions zsh > \"${fpath[1]}/_datadog-doctor\"";

const MAN_EXAMPLES: &str = "\
Examples:
  datadog-doctor man | man -l -
  datadog-doctor man check > /usr/local/share/man/man1/datadog-doctor-check.1";

/// Checks secrets with Datadog keys, finds orphaned keys, deletes leaked ones, and tries what Datadog allows
#[derive(Debug, Parser)]
#[command(name = "datadog-doctor", version, after_help = EXIT_CODES, arg_required_else_help = true)]
struct Line {
    #[command(subcommand)]
    command: Word,
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Word {
    /// Say what the next rotation of each secret would fail on; change nothing
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Secrets),
    /// List orphaned keys: live keys that no version of the secrets holds
    #[command(after_help = ORPHANS_EXAMPLES)]
    Orphans {
        #[command(flatten)]
        secrets: Secrets,
        /// Delete those orphaned keys that a rotation would delete itself
        #[arg(long)]
        delete: bool,
    },
    /// Delete a leaked key: rotate its secret without a grace period, and wait until Datadog refuses the key
    #[command(after_help = LEAKED_EXAMPLES)]
    Leaked {
        /// The name or full ARN of the secret that holds the key
        #[arg(value_name = "SECRET", value_parser = secret)]
        secret: String,
        /// The leaked key is the one under AWSPREVIOUS, which an earlier rotation replaced
        #[arg(long)]
        previous: bool,
        #[command(flatten)]
        admin: AdminSecret,
    },
    /// Create throwaway keys as the functions would, watch them for up to a minute, and delete them
    #[command(after_help = PROBE_EXAMPLES)]
    Probe {
        /// Ask about mappings too, with a role of this AWS account that does not exist
        #[arg(long, value_name = "ACCOUNT_ID", value_parser = account)]
        mappings: Option<String>,
        #[command(flatten)]
        admin: AdminSecret,
    },
    /// List the AWS accounts and roles that Datadog trusts, and say what roles lack to be keyless
    #[command(after_help = TRUST_EXAMPLES)]
    Trust {
        /// ARNs of the roles of rotation functions, each of which is to be mapped to a service account
        #[arg(value_name = "ROLE_ARN", value_parser = role)]
        roles: Vec<AwsRole>,
        /// The ARN of a role of Agents, which is to have an intake mapping; may be repeated
        #[arg(long, value_name = "ROLE_ARN", value_parser = role)]
        agent_role: Vec<AwsRole>,
        /// The account to which the roles are to be mapped [default: that of a keyless admin, else any]
        #[arg(long, value_name = "ID", value_parser = service_account)]
        service_account: Option<String>,
        #[command(flatten)]
        admin: AdminSecret,
    },
    /// Print completions for a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions { shell: clap_complete::Shell },
    /// Print the man page of the program or of one command
    #[command(after_help = MAN_EXAMPLES)]
    Man { command: Option<String> },
}

#[derive(Args, Debug)]
#[expect(
    clippy::struct_field_names,
    reason = "the argument's name, which its help and messages show"
)]
struct Secrets {
    /// Names or full ARNs of secrets; a name is looked up in the region of the environment or profile
    #[arg(value_name = "SECRET", required = true, value_parser = secret)]
    secrets: Vec<String>,
    #[command(flatten)]
    admin: AdminSecret,
    /// The secrets' type, where neither the service nor the fields tell it
    #[arg(long = "type", value_name = "TYPE", value_enum)]
    kind: Option<TypeWord>,
}

#[derive(Args, Debug)]
#[expect(
    clippy::doc_markdown,
    reason = "the help shows these comments as they are"
)]
struct AdminSecret {
    /// The admin secret of secrets that name none [default: ADMIN_SECRET_ARN]
    #[arg(long, value_name = "ARN", value_parser = arn)]
    admin_secret: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TypeWord {
    ApiKey,
    ApplicationKey,
    AdminKey,
    ServiceAccessToken,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Check,
    Orphans {
        delete: bool,
    },
    /// Delete the keys of the version with this label.
    Leaked(LeakedLabel),
    Probe {
        /// The AWS account with a role of which mappings are tried.
        mappings: Option<String>,
    },
    Trust {
        /// Of rotation functions.
        roles: Vec<AwsRole>,
        agent_roles: Vec<AwsRole>,
        /// Whom the functions are to act as.
        service_account: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    pub command: Command,
    /// Names or full ARNs, each once, at least one; of a probe and of trust none.
    pub secrets: Vec<String>,
    pub json: bool,
    pub admin_secret: Option<String>,
    pub kind: Option<Kind>,
}

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    Task(Task),
    /// Help, the version, completions or a man page.
    Text(String),
}

/// Reads `arguments`, without the program's own name. `columns` is the width of the terminal.
///
/// # Errors
/// What is wrong with them, with a suggestion for what was meant.
pub fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    columns: usize,
) -> Result<Asked, clap::Error> {
    let mut command = Line::command().term_width(columns);
    let arguments: Vec<_> = arguments.into_iter().collect();
    // First, for every other error quotes what it is about.
    if arguments.iter().any(|it| is_key(it)) {
        let text = "an argument is a Datadog key: name the secret that holds it. The key is in the \
                    shell's history now";
        return Err(command.error(ErrorKind::InvalidValue, text));
    }
    let arguments = std::iter::once(OsString::from("datadog-doctor")).chain(arguments);
    let matches = command.clone().try_get_matches_from(arguments);
    let line = matches.and_then(|it| <Line as clap::FromArgMatches>::from_arg_matches(&it));
    match line {
        Ok(line) => line.asked(command),
        Err(error) if is_help(error.kind()) => Ok(Asked::Text(error.to_string())),
        Err(error) => Err(error),
    }
}

/// Returns whether an argument, or what follows its `=`, is a Datadog key.
fn is_key(argument: &OsStr) -> bool {
    let text = argument.to_string_lossy();
    let text = text.rsplit('=').next().unwrap_or_default();
    ApiKey::parse(text).is_some() || AppKey::parse(text).is_some()
}

fn is_help(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::DisplayHelp | ErrorKind::DisplayVersion)
}

impl Line {
    fn asked(self, mut command: clap::Command) -> Result<Asked, clap::Error> {
        let json = self.json;
        let of_secrets = |command, it: Secrets| {
            Asked::Task(Task {
                command,
                secrets: once_each(it.secrets),
                json,
                admin_secret: it.admin.admin_secret,
                kind: it.kind.map(TypeWord::kind),
            })
        };
        let of_no_secret = |command, it: AdminSecret| {
            Asked::Task(Task {
                command,
                secrets: Vec::new(),
                json,
                admin_secret: it.admin_secret,
                kind: None,
            })
        };
        Ok(match self.command {
            Word::Check(secrets) => of_secrets(Command::Check, secrets),
            Word::Orphans { secrets, delete } => of_secrets(Command::Orphans { delete }, secrets),
            Word::Leaked {
                secret,
                previous,
                admin,
            } => {
                let label = if previous {
                    LeakedLabel::Previous
                } else {
                    LeakedLabel::Current
                };
                Asked::Task(Task {
                    command: Command::Leaked(label),
                    secrets: vec![secret],
                    json,
                    admin_secret: admin.admin_secret,
                    kind: None,
                })
            }
            Word::Probe { mappings, admin } => of_no_secret(Command::Probe { mappings }, admin),
            Word::Trust {
                roles,
                agent_role: agent_roles,
                service_account,
                admin,
            } => {
                let command = Command::Trust {
                    roles,
                    agent_roles,
                    service_account,
                };
                of_no_secret(command, admin)
            }
            Word::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut command, "datadog-doctor", &mut script);
                Asked::Text(String::from_utf8_lossy(&script).into_owned())
            }
            Word::Man { command: of } => Asked::Text(man_page(command, of.as_deref())?),
        })
    }
}

fn man_page(mut command: clap::Command, of: Option<&str>) -> Result<String, clap::Error> {
    command.build();
    let page = match of {
        None => command,
        Some(name) => {
            let Some(found) = command.find_subcommand(name) else {
                let text = format!("there is no command {name:?}");
                return Err(command.error(ErrorKind::InvalidSubcommand, text));
            };
            found.clone().display_name(format!("datadog-doctor-{name}"))
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

impl TypeWord {
    fn kind(self) -> Kind {
        match self {
            Self::ApiKey => Kind::ApiKey,
            Self::ApplicationKey => Kind::ApplicationKey,
            Self::AdminKey => Kind::AdminKey,
            Self::ServiceAccessToken => Kind::ServiceAccessToken,
        }
    }
}

/// Returns a full ARN, or a name as Secrets Manager allows it.
fn secret(text: &str) -> Result<String, &'static str> {
    let is_name_character = |it: char| it.is_ascii_alphanumeric() || "/_+=.@-".contains(it);
    if text.starts_with("arn:") {
        arn(text)
    } else if (1..=512).contains(&text.len()) && text.chars().all(is_name_character) {
        Ok(text.to_owned())
    } else {
        Err("it is neither a full ARN of a secret nor the name of one")
    }
}

fn arn(text: &str) -> Result<String, &'static str> {
    SecretArn::parse(text)
        .map(|it| it.to_string())
        .ok_or("it is not the full ARN of a secret, arn:aws:secretsmanager:…")
}

fn account(text: &str) -> Result<String, &'static str> {
    let is_account = text.len() == 12 && text.bytes().all(|it| it.is_ascii_digit());
    is_account
        .then(|| text.to_owned())
        .ok_or("it is not the number of an AWS account, which has 12 digits")
}

fn role(text: &str) -> Result<AwsRole, &'static str> {
    AwsRole::parse(text).ok_or("it is not the ARN of a role, arn:aws:iam::ACCOUNT:role/NAME")
}

fn service_account(text: &str) -> Result<String, &'static str> {
    let id = ServiceAccountId::parse(text).map(|it| it.to_string());
    id.ok_or("it is not the ID of a service account, which is a UUID")
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
mod tests;
