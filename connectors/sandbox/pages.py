"""The few pages that a person sees in a browser: plain, readable, light and dark; no script, nothing from elsewhere."""

from __future__ import annotations

from html import escape

from aiohttp import web

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --soft: #5b5d66; --ground: #f3f3f6; --card: #fff; --line: #dcdde3;
  --main: #4f52b2; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececf1; --soft: #a9abb6; --ground: #16161a; --card: #222228; --line: #3a3b44; --main: #9a9cf0; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--ground);
  color: var(--ink); font: 1rem/1.5 "Segoe UI", system-ui, sans-serif; }
main { width: min(30rem, 100%); background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 2rem; }
h1 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 .75rem; }
p, ul { margin: 0 0 1rem; } ul { padding-left: 1.2rem; }
a { color: var(--main); } .soft { color: var(--soft); font-size: .875rem; } .soft:last-child { margin: 0; }
form { margin: 0 0 .6rem; }
button { width: 100%; font: inherit; font-weight: 600; padding: .65rem 1rem; border-radius: 8px; cursor: pointer;
  border: 1px solid var(--main); background: var(--main); color: var(--card); }
button.other { background: none; color: var(--ink); border-color: var(--line); font-weight: 400; }
button:focus-visible, summary:focus-visible, a:focus-visible { outline: 3px solid var(--main); outline-offset: 2px; }
summary { cursor: pointer; color: var(--soft); font-size: .875rem; margin-bottom: .75rem; }
table { width: 100%; border-collapse: collapse; margin-bottom: 1rem; }
td { padding: .45rem 0; border-top: 1px solid var(--line); }
td + td { text-align: right; color: var(--soft); font-size: .875rem; white-space: nowrap; padding-left: 1rem; }
"""


def page(title: str, body: str, *, status: int = 200) -> web.Response:
    """A whole page; `body` is HTML whose data is already escaped."""
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    headers = {
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(text=text, content_type="text/html", status=status, headers=headers)


def button(action: str, label: str, fields: dict[str, str], *, other: bool = False) -> str:
    """A form of one button that posts `fields`."""
    hidden = "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in fields.items())
    look = ' class="other"' if other else ""
    return f'<form method="post" action="{escape(action)}">{hidden}<button{look}>{escape(label)}</button></form>'
