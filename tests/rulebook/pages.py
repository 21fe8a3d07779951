"""A page to vary."""

PAGE = """\
+++
code = "PC101"
name = "item-in-hot-loop"
severity = "error"
confidence = "high"
event = "host-sync"
match = ["$T.item()", "float($T)"]
where = ["on_device($T)", "not guarded()"]
message = "`{T}` is read back"
help = "Read `{T}` once, after the loop."
sources = ["https://example.org/item"]
instead_of = ["PC102"]

[fix]
replace = "$T.detach()"
safety = "unsafe"
reason = "another type"
+++

# item-in-hot-loop

## What it does

Finds reads.

## Why it is slow

They wait.

## Example

```python bad
for x in xs:
    x.item()  # PC101
    y = float(x)  # PC101, PC102
```

## Use instead

```python good
xs.tolist()
```

```python fixed
for x in xs:
    x.detach()
```

## When it is fine

Once.

## Fix safety

None:

```python
## not a heading
```

## References

- [Item](https://example.org/item)
"""

PATH = "/project/rules/sync/item-in-hot-loop.md"


def page_named(code: str, name: str) -> str:
    """The page under another code and name."""
    return PAGE.replace("PC101", code).replace("item-in-hot-loop", name)
