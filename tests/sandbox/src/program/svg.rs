//! Every key's life as a picture. It holds nothing that differs between two runs: no ID, no time.

use std::fmt::{self, Write as _};

use sandbox::ledger::Standing;
use sandbox::rotation::Step;

use super::report::{KeyReport, Report};

const WIDTH: usize = 880;
const MARGIN: usize = 20;
/// Where the bars begin: the column of what is there before the first rotation.
const BARS: usize = 172;
const BEFORE: usize = 64;
const STEP: usize = 25;
const ROTATION: usize = Step::ALL.len() * STEP + GAP;
const GAP: usize = 4;
const ROW: usize = 22;
const BAR: usize = 12;
/// The baseline of the columns' titles.
const TITLES: usize = 76;
const PROMISE: usize = 20;

/// The picture has a ground of its own, so that it can be read on any page.
const STYLE: &str = "\
    text { font: 13px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328 }\n\
    .head { font-size: 16px; font-weight: 600 } .name { font-weight: 600 } .quiet { fill: #59636e }\n\
    .ground { fill: #ffffff; stroke: #d1d9e0 } .rule { stroke: #d1d9e0 }\n\
    .created { fill: #bc4c00 } .current { fill: #1a7f37 } .previous { fill: #bf8700 }\n\
    .pending { fill: none; stroke: #0969da; stroke-width: 2; stroke-dasharray: 4 2 }\n\
    .revoked { stroke: #cf222e; stroke-width: 2.5 } .held { fill: #1a7f37 } .broken { fill: #cf222e }\n\
    @media (prefers-color-scheme: dark) {\n\
    text { fill: #f0f6fc } .quiet { fill: #9198a1 }\n\
    .ground { fill: #0d1117; stroke: #3d444d } .rule { stroke: #3d444d }\n\
    .created { fill: #f0883e } .current { fill: #2ea043 } .previous { fill: #d29922 }\n\
    .pending { stroke: #58a6ff } .revoked { stroke: #f85149 } .held { fill: #3fb950 } .broken { fill: #f85149 }\n\
    }\n";

/// Returns the SVG document.
pub(crate) fn document(report: &Report) -> String {
    let mut drawing = Drawing::default();
    // Writing to a string can't fail.
    let _ = drawing.draw(report);
    let height = drawing.y;
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' height='{height}' role='img'>\n\
         <title>Six rotations on the sandbox: which key works when</title>\n\
         <style>\n{STYLE}</style>\n\
         <rect class='ground' x='0.5' y='0.5' width='{}' height='{}' rx='8'/>\n\
         {}</svg>\n",
        WIDTH - 1,
        height - 1,
        drawing.body,
    )
}

#[derive(Debug, Default)]
struct Drawing {
    body: String,
    /// The bottom of what is drawn.
    y: usize,
}

impl Drawing {
    fn draw(&mut self, report: &Report) -> fmt::Result {
        let count = report.rotations.len();
        self.text(
            "head",
            MARGIN,
            32,
            &format!("{count} rotations, and every key's life"),
        )?;
        self.titles(report)?;
        self.y = TITLES + 14;
        let mut secret = "";
        for (label, key) in rows(&report.keys) {
            if key.secret != secret {
                secret = &key.secret;
                self.y += ROW;
                self.text("name", MARGIN, self.y - 6, secret)?;
            }
            self.row(&label, key)?;
        }
        self.rules(count)?;
        self.legend()?;
        self.promises(report)?;
        self.y += MARGIN;
        Ok(())
    }

    fn titles(&mut self, report: &Report) -> fmt::Result {
        self.text("quiet", BARS, TITLES, "before")?;
        for (index, rotation) in report.rotations.iter().enumerate() {
            let name = rotation.secret.rsplit('/').next().unwrap_or_default();
            let title = format!("{} {name}", index + 1);
            self.text("quiet", start(index), TITLES, &title)?;
        }
        Ok(())
    }

    fn row(&mut self, label: &str, key: &KeyReport) -> fmt::Result {
        self.y += ROW;
        let top = self.y - ROW + (ROW - BAR) / 2;
        self.text("quiet", MARGIN + 10, self.y - 6, label)?;
        let mut ended = false;
        for stretch in stretches(key) {
            let Some(standing) = stretch.standing else {
                continue;
            };
            if standing == Standing::Revoked {
                if !ended {
                    self.cross(stretch.from + STEP / 2, top + BAR / 2)?;
                }
                ended = true;
            } else {
                self.bar(standing, stretch.from, stretch.to, top)?;
            }
        }
        Ok(())
    }

    fn bar(&mut self, standing: Standing, from: usize, to: usize, top: usize) -> fmt::Result {
        // Told apart by their shapes as well as by their colours.
        let (class, top, height) = match standing {
            Standing::Minted => ("created", top + 4, BAR - 8),
            Standing::Pending => ("pending", top + 1, BAR - 2),
            Standing::Previous => ("previous", top + 3, BAR - 6),
            Standing::Current | Standing::Revoked => ("current", top, BAR),
        };
        let width = to - from - 2;
        let x = from + 1;
        writeln!(
            self.body,
            "<rect class='{class}' x='{x}' y='{top}' width='{width}' height='{height}' rx='2'/>"
        )
    }

    fn cross(&mut self, x: usize, y: usize) -> fmt::Result {
        let (left, right, top, bottom) = (x - 5, x + 5, y - 5, y + 5);
        writeln!(
            self.body,
            "<path class='revoked' d='M{left} {top}L{right} {bottom}M{left} {bottom}L{right} {top}'/>"
        )
    }

    fn rules(&mut self, rotations: usize) -> fmt::Result {
        for index in 0..rotations {
            let x = start(index) - GAP / 2;
            let (top, bottom) = (TITLES - 12, self.y + 4);
            writeln!(self.body, "<path class='rule' d='M{x} {top}V{bottom}'/>")?;
        }
        Ok(())
    }

    fn legend(&mut self) -> fmt::Result {
        self.y += ROW + 14;
        let mut x = MARGIN;
        for (standing, text) in [
            (Standing::Pending, "AWSPENDING"),
            (Standing::Current, "AWSCURRENT"),
            (Standing::Previous, "AWSPREVIOUS, still works"),
            (Standing::Revoked, "deleted at Datadog"),
        ] {
            if standing == Standing::Revoked {
                self.cross(x + STEP / 2, self.y - 4)?;
            } else {
                self.bar(standing, x, x + STEP, self.y - 10)?;
            }
            self.text("quiet", x + STEP + 6, self.y, text)?;
            x += STEP + 30 + text.len() * 8;
        }
        self.y += ROW;
        let steps = Step::ALL.map(Step::name).join(", ");
        let text = format!("One column is one rotation, with its four steps: {steps}.");
        self.text("quiet", MARGIN, self.y, &text)?;
        self.y += 10;
        Ok(())
    }

    fn promises(&mut self, report: &Report) -> fmt::Result {
        for verdict in &report.promises {
            self.y += PROMISE;
            let (class, mark) = if verdict.held {
                ("held", "✔")
            } else {
                ("broken", "✘")
            };
            self.text(class, MARGIN, self.y, mark)?;
            self.text("", MARGIN + 20, self.y, verdict.text)?;
        }
        Ok(())
    }

    fn text(&mut self, class: &str, x: usize, y: usize, text: &str) -> fmt::Result {
        let class = match class {
            "" => String::new(),
            class => format!(" class='{class}'"),
        };
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        writeln!(self.body, "<text{class} x='{x}' y='{y}'>{text}</text>")
    }
}

/// Where a rotation's column begins.
fn start(rotation: usize) -> usize {
    BARS + BEFORE + GAP + rotation * ROTATION
}

/// The keys with their labels. The two keys of a pair are created side by side, so the order in
/// which they were created differs between runs.
fn rows(keys: &[KeyReport]) -> Vec<(String, &KeyReport)> {
    let mut rows = Vec::new();
    for of_secret in keys.chunk_by(|one, other| one.secret == other.secret) {
        let mut of_secret: Vec<_> = of_secret.iter().collect();
        of_secret.sort_by_key(|key| (first_seen(key), key.class));
        let mut numbers = (0, 0, 0);
        for key in of_secret {
            let (kind, number) = match key.class {
                "api" => ("API key", &mut numbers.0),
                "token" => ("service token", &mut numbers.2),
                _ => ("application key", &mut numbers.1),
            };
            *number += 1;
            rows.push((format!("{kind} {number}"), key));
        }
    }
    rows
}

fn first_seen(key: &KeyReport) -> usize {
    let after = key.rotations.iter().flatten();
    std::iter::once(&key.before)
        .chain(after)
        .take_while(|standing| standing.is_none())
        .count()
}

/// A time, from left to right, in which a key stands in one place.
#[derive(Debug)]
struct Stretch {
    standing: Option<Standing>,
    from: usize,
    to: usize,
}

fn stretches(key: &KeyReport) -> Vec<Stretch> {
    let mut stretches = vec![Stretch {
        standing: key.before,
        from: BARS,
        to: BARS + BEFORE,
    }];
    for (index, rotation) in key.rotations.iter().enumerate() {
        for (step, &standing) in rotation.iter().enumerate() {
            let from = start(index) + step * STEP;
            let to = from + STEP;
            match stretches.last_mut() {
                Some(last) if last.standing == standing => last.to = to,
                _ => stretches.push(Stretch { standing, from, to }),
            }
        }
    }
    stretches
}
