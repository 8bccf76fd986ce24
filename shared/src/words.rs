//! Text from outside, made fit for a line of the log.

/// What a run of letters and digits must not reach: keys of Datadog have 32 digits and more, tokens of
/// AWS hundreds.
const LONGEST_RUN: usize = 32;

/// One line of at most `longest` characters, in which nothing is left that could be a key or a token.
/// ARNs are kept whole: they are what AWS's texts are about, and roles have long names.
pub(crate) fn told(text: &str, longest: usize) -> String {
    let line: String = text.chars().filter(|it| !it.is_control()).collect();
    let words = line.split(' ').map(|word| {
        if word.contains("arn:") {
            word.to_owned()
        } else {
            struck_out(word)
        }
    });
    let told = words.collect::<Vec<_>>().join(" ");
    told.chars().take(longest).collect()
}

fn struck_out(word: &str) -> String {
    let is_of_run = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '+' | '=');
    let mut told = String::new();
    let mut rest = word;
    while !rest.is_empty() {
        let run = rest.find(|it| !is_of_run(it)).unwrap_or(rest.len());
        told.push_str(if run < LONGEST_RUN {
            &rest[..run]
        } else {
            "…"
        });
        let next = rest[run..].find(is_of_run).unwrap_or(rest.len() - run);
        told.push_str(&rest[run..run + next]);
        rest = &rest[run + next..];
    }
    told
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn texts_from_outside_fit_one_line_of_the_log() {
        assert_eq!(told("no\r\n\u{1b}[2Jaccess", 11), "no[2Jaccess");
        assert_eq!(told(&"x ".repeat(2000), 1000).len(), 1000);
    }

    #[test]
    fn what_could_be_a_key_is_struck_out() {
        for key in [
            "0123456789abcdef0123456789abcdef",
            "ddapp_0123456789abcdefghijklmnopqrstuvwx",
            "IQoJb3JpZ2luX2VjEJL+FwoJEJL=WwoJEJLFwoJEJL",
        ] {
            assert_eq!(
                told(&format!("the key {key} is bad"), 100),
                "the key … is bad"
            );
            assert_eq!(told(key, 100), "…");
        }
    }

    #[test]
    fn what_aws_writes_is_kept() {
        for text in [
            "User: arn:aws:sts::123456789012:assumed-role/\
             DatadogRotationApplicationKeyFunctionServiceRoleB1C2D3E4/datadog-rotation is not authorized to perform: secretsmanager:GetSecretValue on \
             resource: arn:aws:secretsmanager:us-east-1:123456789012:secret:datadog/admin-AbCdEf with \
             an explicit deny in a service control policy: \
             arn:aws:organizations::123456789012:policy/o-a1b2c3d4e5/service_control_policy/p-12345678",
            "Staging label AWSCURRENT is currently attached to version \
             11111111-1111-4111-8111-111111111111, so you must explicitly reference that version",
        ] {
            assert_eq!(told(text, 1000), text);
        }
    }
}
