"""Names that lead elsewhere: what others' servers opened, joined to a folder, or handed to a shell.

Most hold MARK, so that a path is known to have been named by an attack; FAR is a path that exists.
"""

MARK = "zq7mark"
FAR = "/etc/passwd"

TRAVERSAL = (
    f"../{MARK}",
    f"../../{MARK}",
    f"../../../../../../../../tmp/{MARK}",
    f"..//..//{MARK}",
    f"./../{MARK}",
    f"x/../../{MARK}",
    f"....//{MARK}",
    f"..../{MARK}",
    f".../...//{MARK}",
    f"..%2f{MARK}",
    f"%2e%2e/{MARK}",
    f"%2e%2e%2f{MARK}",
    f"%252e%252e%252f{MARK}",
    f"%25252e%25252e%25252f{MARK}",
    f"..%5c{MARK}",
    f"..%u2215{MARK}",
    f"..%c0%af{MARK}",
    f"%c0%ae%c0%ae/{MARK}",
    f"%e0%80%ae%e0%80%ae/{MARK}",
    f"..\u2215{MARK}",
    f"..\uff0f{MARK}",
    f"\uff0e\uff0e/{MARK}",
    f"..\\{MARK}",
    f"..\\..\\{MARK}",
    f"C:\\{MARK}",
    f"C:{MARK}",
    f"c:/windows/{MARK}",
    f"\\\\host\\share\\{MARK}",
    f"//host/share/{MARK}",
    f"\\\\?\\C:\\{MARK}",
    f"\\\\.\\PIPE\\{MARK}",
    f"/{MARK}",
    f"//{MARK}",
    FAR,
    f"{FAR}%00.csv",
    "/proc/self/environ",
    "/dev/stdin",
    "~/.ssh/id_rsa",
    f"~root/{MARK}",
    f"$HOME/{MARK}",
    f"file:///{MARK}",
    f"file://{FAR}",
    f"FILE:{FAR}",
    f"file:../{MARK}",
    f"http:///#/../../{MARK}",
    f"http://127.0.0.1:9/{MARK}",
    f"https://169.254.169.254/{MARK}",
    f"s3://bucket/#/../{MARK}",
    f"s3://bucket/../../{MARK}",
    f"gopher://127.0.0.1/{MARK}",
    f"jar:file:///{MARK}!/x",
    f"a;/../../{MARK}",
    f"a?/../../{MARK}",
    f"a#/../../{MARK}",
    f"{MARK}\0.csv",
    f"../{MARK}\0",
    f"{MARK}\r\nX-Injected: 1",
    f"{MARK}\n../{MARK}",
    ".",
    "..",
    "",
    " ",
    f"../{MARK} ",
    f"{MARK}/",
    f"a/{MARK}",
    "CON",
    "nul.csv",
    f"{MARK}::$DATA",
    "x" * 5_000,
    "../" * 1_600 + MARK,
    f"\ud83d{MARK}".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
    f"@{MARK}",
    f"-{MARK}",
    f"--output={FAR}",
    f"*{MARK}*",
)

LEADING_OUT = tuple(
    text
    for text in TRAVERSAL
    if text.startswith(("/", "../", "..\\", "x/..", "./..", "C:", "c:", "\\\\"))
    or text in ("", ".", "..")
    or "\0" in text
)
"""Those that no member of an archive, a tree or a backup may ever be called."""
