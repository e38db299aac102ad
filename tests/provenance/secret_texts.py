"""Texts that hold a secret, each with it, and texts that only look as if they did."""

from __future__ import annotations

P = "correcthorse"
FORMS = [
    ("database:\n  password: correcthorse\n", P),
    ('+  pass: "batterystaple9"\n', "batterystaple9"),
    ("DB_PASS=letmein99\n", "letmein99"),
    ("get('https://api.example/v1?api_key=0123456789abcdef0123456789abcdef&x=1')\n", "0123456789abcdef"),
    ("password: correcthorse", P),
    ("  password: 'correcthorse'", P),
    ('  - password: "correct horse battery"', "correct horse"),
    ("pwd: correcthorse", P),
    ("pass: correcthorse", P),
    ("- pass: correcthorse", P),
    ("users:\n  - name: me\n    password: correcthorse # dev\n", P),
    ("passphrase: correcthorse", P),
    ("db_password: correcthorse", P),
    ("+    db-password: correcthorse", P),
    ("dbPassword: correcthorse", P),
    ("DB_PASS=correcthorse", P),
    ("export DB_PASS=correcthorse", P),
    ("export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "wJalr"),
    ("AWS_SESSION_TOKEN=FwoGZXIvYXdzEBYaDHhBTEST/abc+def==", "FwoG"),
    ("set DB_PASSWORD=correcthorse", P),
    ("ENV DB_PASSWORD=correcthorse", P),
    ("PGPASSWORD=correcthorse psql -h db", P),
    ("docker run -e DB_PASSWORD=correcthorse image", P),
    ("docker run -e 'DB_PASSWORD=correcthorse' image", P),
    ("curl -u me:correcthorse https://x", P),
    ("curl --user me:correcthorse https://x", P),
    ("curl -s -u 'me:correcthorse' https://x", P),
    ("curl -sS https://x \\\n  -u me:correcthorse", P),
    ("curl -ume:correcthorse https://x", P),
    ('subprocess.run(["curl", "-u", "me:correcthorse", url])', P),
    ('curl -H "Authorization: Bearer abcdefghij123456" u', "abcdefghij"),
    ('-H "Authorization: Bearer abcdefgh"', "abcdefgh"),
    ("-H 'X-Api-Key: abc123def456'", "abc123def"),
    ("headers={'Authorization': f'Bearer abc123def456ghi'}", "abc123def"),
    ('"Authorization": "Basic dXNlcjpwYXNz"', "dXNlcjpwYXNz"),
    ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
    ("Authorization: Token abcdef", "abcdef"),
    ("mysql -u root -pcorrecthorse db", P),
    ("mysqldump -pcorrecthorse db > x", P),
    ("mysql -h db --password=correcthorse", P),
    ("mysql --password correcthorse", P),
    ('["mysql", "-uroot", "-pcorrecthorse"]', P),
    ("sshpass -p correcthorse ssh x", P),
    ("sshpass -p 'correcthorse' ssh x", P),
    ("mongo -u me -p correcthorse", P),
    ("docker login -u me -p correcthorse reg", P),
    ("redis-cli -a correcthorse", P),
    ("mysql -u root -p'correct horse' db", "horse"),
    ('mysql -uroot -p"correcthorse" db', P),
    ("api-key: correcthorsebattery", "correcthorsebattery"),
    ("ldapsearch -D cn=x -w correcthorse", P),
    ("openssl rsa -passin pass:correcthorse", P),
    ("zip -P correcthorse a.zip b", P),
    ("train.py --password correcthorse", P),
    ("train.py --password=correcthorse", P),
    ("--db-password=correcthorse", P),
    ("--token=abcdefgh", "abcdefgh"),
    ("--api-key abc123def", "abc123def"),
    ("-Dspring.datasource.password=correcthorse", P),
    ("psql postgresql://u:correcthorse@h/db", P),
    ("postgres://me:cor@recthorse@h/db", "recthorse"),
    ("postgres://me:cor/recthorse@h/db", "recthorse"),
    ("redis://:correcthorse@h:6379/0", P),
    ("https://ghtoken0123456789abcdef@github.com/x", "0123456789"),
    ('auth=("user", "correcthorse")', P),
    ("auth=('user', 'pass')", "'pass'"),
    ('auth = ("user","correcthorse")', P),
    ('HTTPBasicAuth("user", "correcthorse")', P),
    ('auth=HTTPBasicAuth("user", "correcthorse")', P),
    ('auth: ["user", "correcthorse"]', P),
    ('smtp.login("me@x.org", "correcthorse")', P),
    ('basic_auth=("user", "correcthorse")', P),
    ('"jdbc:sqlserver://h;user=sa;password=correcthorse;"', P),
    ("jdbc:sqlserver://h:1433;databaseName=x;user=sa;password=correcthorse", P),
    ("jdbc:oracle:thin:scott/correcthorse@//h:1521/x", P),
    ("jdbc:mysql://h/db?user=me&password=correcthorse", P),
    ("jdbc:postgresql://h/db?password=correcthorse&user=me", P),
    ('"Server=x;Database=d;User Id=me;Password=correcthorse;"', P),
    ("Driver={ODBC};Server=x;UID=sa;PWD=correcthorse", P),
    ("Server=x;Pwd=correcthorse;Database=d", P),
    ('"host=db user=me password=correcthorse dbname=x"', P),
    ("user=me password=correcthorse", P),
    ("dsn = 'dbname=x password=correcthorse host=h'", P),
    ("machine h login u password correcthorse", P),
    ("machine h\n  login u\n  password correcthorse\n", P),
    ("+machine h\n+  login u\n+  password correcthorse\n", P),
    ("[pypi]\nusername = __token__\npassword = correcthorse\n", P),
    ("[db]\npassword=correcthorse", P),
    ("[db]\npassword = correcthorse", P),
    ('{"client_secret": "correcthorse"}', P),
    ('{"clientSecret":"correcthorse"}', P),
    ('"password":"correcthorse"', P),
    ("{'password': 'correcthorse'}", P),
    ('password = "correcthorse"', P),
    ("client_secret = 'correcthorse'", P),
    ('api_key = "abc123def456"', "abc123def"),
    ("api_key: abc123def456", "abc123def"),
    ("apiKey: abc123def456", "abc123def"),
    ("AccountKey=abcdefghijklmnopqrstuvwx==;EndpointSuffix=x", "abcdefghijkl"),
    ("https://x.blob.core.windows.net/a?sv=1&sig=abcdEFGHijkl1234%2F", "abcdEFGH"),
    ("https://x/?token=abcdef123", "abcdef123"),
    ("https://x/?a=1&token=abcdef123&b=1", "abcdef123"),
    ("https://x/?access_token=abcdef123", "abcdef123"),
    ("https://x/?key=abcdef123", "abcdef123"),
    ("user=me&password=correcthorse&x=1", P),
    ('PASSWORD = """correcthorse"""', P),
    ("PASSWORD = '''\ncorrecthorse\n'''", P),
    ("password: |\n  correcthorse\n", P),
    ('password = (\n    "correcthorse"\n)', P),
    ('password = \\\n    "correcthorse"', P),
    ("+password = (\n+    'correcthorse'\n+)", P),
    ("- name: DB_PASSWORD\n  value: correcthorse\n", P),
    ("+  - name: DB_PASSWORD\n+    value: correcthorse\n", P),
    ('{"name": "DB_PASSWORD", "value": "correcthorse"}', P),
    ("<password>correcthorse</password>", P),
    ('<add key="Password" value="correcthorse"/>', P),
    ('parser.add_argument("--password", default="correcthorse")', P),
    ('os.getenv("DB_PASSWORD", "correcthorse")', P),
    ('os.environ.get("DB_PASSWORD", "correcthorse")', P),
    ('os.environ["DB_PASSWORD"] = "correcthorse"', P),
    ('os.getenv("DB_PASSWORD") or "correcthorse"', P),
    ('password: SecretStr = SecretStr("correcthorse")', P),
    ('password: str = "correcthorse"', P),
    ("${DB_PASSWORD:-correcthorse}", P),
    ('password: "pa ss correct horse"', "correct"),
    ("connect(user='u', password='correcthorse')", P),
    ("connect('u', passwd=\"correcthorse\")", P),
    ("if password == 'correcthorse':", P),
    ("login failed: user=me password=hunter2", "hunter2"),
    ("password: hunter2", "hunter2"),
    ("password:hunter2", "hunter2"),
    ("# password: correcthorse", P),
    ("#password=correcthorse", P),
    ("{user: me, password: hunter22}", "hunter22"),
    ("password: 12345678", "12345678"),
    ("PASSWORD=12345678", "12345678"),
    ("secret: correcthorse", P),
    ("SECRET_KEY=correcthorse", P),
    ("SECRET_KEY = 'correct-horse-battery'", "correct-horse"),
    ("db.password=correcthorse", P),
    ("spring.datasource.password=correcthorse", P),
    ("ConnectionError: cannot reach postgres://svc:Wint3rMoon@db.example/prod", "Wint3rMoon"),
    ("  File \"x.py\", line 3, in f\n    connect(password='correcthorse')\n", P),
    ("password=correcthorse", P),
    ("mypassword = 'correcthorse'", P),
    ('root_password := "correcthorse"', P),
    ("'password' => 'correcthorse'", P),
    ("$password = 'correcthorse';", P),
    ('String password = "correcthorse";', P),
    ("const password = `correcthorse`;", P),
    ("smbclient //h/s -U me%correcthorse", P),
    ("wget --password=correcthorse http://x", P),
    ("wget --http-password correcthorse http://x", P),
    ("me:correcthorse@tcp(db:3306)/x", P),
    ("sqlplus scott/correcthorse@db", P),
    ('{"appId": "1", "password": "abc~DEF.ghi_jkl"}', "abc~DEF"),
    ("azure_client_secret: abc~DEF.ghi_jkl", "abc~DEF"),
    ('password = "$ecret!23"', "ecret!23"),
    ("password: p@ss,w0rd(x", "w0rd"),
    ("password: '*hunter2'", "hunter2"),
    ("hf_token: correcthorsebattery12", P),
]
DOCUMENT = (
    '{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkqhkiG\\n-----END PRIVATE'
)
FORMS.append((DOCUMENT + ' KEY-----\\n", "client_id": "1"}', "MIIEvQIBADANBgkqhkiG"))
SIGNED = "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5zA7bC9d"
FORMS += [
    (f"sig={SIGNED}%3D&se=2026-01-01", SIGNED),
    (f"SIG={SIGNED}=", SIGNED),
    (f"X-Amz-Signature={SIGNED}&x=1", SIGNED),
    ("sig=aB3dE5fG7hI9jK1lM3&se=2026-01-01", "aB3dE5fG7hI9jK1lM3"),
    (f"sas = 'sig={SIGNED}%3D'", SIGNED),
    ("ENV API_KEY abcdef123456", "abcdef123456"),
    ("ENV DB_PASSWORD correcthorse", P),
    ('ENV DB_PASSWORD "correct horse"', "correct horse"),
    ("    env DB_PASSWORD correcthorse", P),
    ("ENV SECRET_KEY_BASE abcdef0123456789abcd", "abcdef0123456789abcd"),
    ("ARG DB_PASSWORD=correcthorse", P),
    ("setx GITHUB_TOKEN abcdef123456", "abcdef123456"),
    ("setenv DB_PASSWORD correcthorse", P),
    ("set -gx DB_PASSWORD correcthorse", P),
]
_LETTERS = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKjMzEfYyjiWA4R"
_BEGIN = "-----BEGIN PRIVATE" + " KEY-----\n"
FORMS += [
    (_BEGIN + _LETTERS, _LETTERS),
    *((_BEGIN + "\n".join(_LETTERS[i : i + n] for i in range(0, 76, n)), _LETTERS[-n:]) for n in (38, 19, 12, 8)),
    (_BEGIN.replace(" KEY", " KEY BLOCK") + "Version: GnuPG v2\n\n" + _LETTERS, _LETTERS),
    (_BEGIN + _LETTERS + "\nAb3=", "Ab3="),
    (f"key = '{_BEGIN[:-1]}\\n{_LETTERS}'", _LETTERS),
]
HARMLESS = r"""
password = get_password()
password: str
    password: str,
password: str = None
password: SecretStr
    password: pydantic.SecretStr
password : str, optional
password: string;
password = getpass('Password: ')
password=password,
    password=password
db_password = settings.DB_PASSWORD
    password = pw
self.password = password
password = input('Enter your password: ')
password: required
# password: the password of the user
raise ValueError('password must not be empty')
password authentication failed for user 'x'
pass
    pass  # later
low_pass = 0.5
n_pass: 3
bypass: yes
compass: north
pass_through=True
passthrough: drop
pass: 12
pass: ok
{"pass": "green", "fail": "red"}
pass: accuracy ≥ 0.7: 0.75
tests pass: 341
forward_pass = 'fused'
passes=3
token_pattern = r'(?u)\b\w\w+\b'
tokenizer='bert-base-uncased'
pad_token='[PAD]'
eos_token: '</s>'
n_tokens=2048
max_tokens: 100
token = tokens[i]
token = next(tokens)
next_token='abc12345def'
token: Token
for token in doc:
author = ('Ann', 'Bob')
authors=['Ann', 'Bob']
author: Ann1
secret_santa = 'anna'
key='customer_id'
sort_key: region2
primary_key = 'customer_id'
key = 'files/0123456789abcdef0123456789abcdef.bin'
public_key = 'abc123def456'
PWD=/home/me
OLDPWD=/home/me/x
pwd = os.getcwd()
password_file=/run/secrets/pw
PASSWORD_MIN_LENGTH = 12
docker run -u 1000:1000 image
git push -u origin main:main
python -u train.py
mysql -p -h db
mysql -P3306 -h db
subprocess.run(["mysql", "-p", "db"])
--password-file /run/pw
use --password to set it
--password options are read
--tokenizer bert
--passes 3
parser.add_argument('--password', help='the password')
parser.add_argument('--token', '-t')
['password', 'username']
df[['token', 'count']]
os.getenv('DB_PASSWORD')
os.environ['API_KEY']
api_key = 'OPENAI_API_KEY'
api_key=api_key
password: ${DB_PASSWORD}
password: {{ db_password }}
PASSWORD=$PW
password: <your password>
api_key = 'your-api-key'
Basic classification of text
basic authentication
Bearer of news
Authorization: Bearer {token}
http://host:8080/a@b
https://example.org/a?page=2&q=x
https://example.org/?token={token}
see https://example.org/@someone
s3://bucket/key
print("password: ", pw, "user: ", user)
x = is_prose("Enter: password: "), f("correct")
begin = '-----BEGIN PRIVATE KEY-----'
secrets: inherit
credentials: 'include'
type: password
name: password
login with a password reset
auth=auth
auth = get_auth('user', 'x')
token == 'word'
password_field = 'pw'
Sum of squares = 12
x@y.org
a:b@c
ENV TOKENIZERS_PARALLELISM false
ENV TOKEN_LIMIT 5000
ENV DB_PASSWORD ${DB_PASSWORD}
ENV PASSWORD_FILE /run/secrets/pw
ARG DB_PASSWORD
env password is required
set -e password
sig=inspect.signature(function)
sig=signature
-----BEGIN PRIVATE KEY----- begins a key
""".strip("\n").split("\n")
