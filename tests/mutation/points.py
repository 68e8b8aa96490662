# SPDX-License-Identifier: MIT
"""Mutation points: C sources with every mutant in them, chosen at run time.

rewrite() reads C as this tree is written: functions of statements, no macro
that hides one.  Each place that can be changed becomes a macro of runtime.h
with the number of the place; which change is on, and which places were passed,
is the runtime's business.  So all mutants are compiled once.

Operators, each a change of one place:
  true, false   a condition is what it is not: the jump is always or never taken
  boundary      < is <=, > is >= and the other way round
  skip          a statement (call, assignment, break, continue) is not executed
  return        a function returns 0 where it returned something, 1 for 0
  sign          a + b is a - b and the other way round
"""
import re

TOKEN = re.compile(r'''
    (?P<space>\s+|/\*.*?\*/|//[^\n]*)
  | (?P<directive>(?<![^\n])[ \t]*\#(?:\\\n|[^\n])*)
  | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
  | (?P<number>\.?[0-9](?:[eEpP][+-]|[\w.])*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<mark>\.\.\.|<<=|>>=|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)
''', re.VERBOSE | re.DOTALL)

TYPES = {'void', 'char', 'short', 'int', 'long', 'unsigned', 'signed', 'float',
         'double', 'bool', 'const', 'volatile', 'static', 'struct', 'union',
         'enum', 'register', 'extern', 'size_t', 'seglog_code', 'typedef',
         '_Alignas', '__extension__'}
ASSIGNMENTS = {'=', '+=', '-=', '*=', '/=', '%=', '&=', '|=', '^=', '<<=',
               '>>='}
OPENING = {'(': ')', '[': ']', '{': '}'}
FLIPPED = {'<': '<=', '<=': '<', '>': '>=', '>=': '>'}
COMPARISONS = {'<', '<=', '>', '>=', '==', '!='}
CONSTANTS = {'true', 'false', '0', '1', 'NULL'}
# What binds less than the comparisons, and what binds more.
LOOSER = (['||'], ['&&'], ['|'], ['^'], ['&'])
TIGHTER = (['<<', '>>'], ['+', '-'], ['*', '/', '%'])


class Token:
    __slots__ = ('kind', 'text', 'before', 'line')

    def __init__(self, kind, text, before, line):
        self.kind, self.text = kind, text
        self.before, self.line = before, line


class Point:
    """One place; several operators may change it."""

    def __init__(self, number, file, line, function, text, operators):
        self.number, self.file, self.line = number, file, line
        self.function, self.text = function, text
        self.operators = operators


def tokenize(text):
    tokens, before, line, at = [], '', 1, 0
    while at < len(text):
        match = TOKEN.match(text, at)
        piece = match.group()
        if match.lastgroup in ('space', 'directive'):
            before += piece
        else:
            tokens.append(Token(match.lastgroup, piece, before, line))
            before = ''
        line += piece.count('\n')
        at = match.end()
    return tokens, before


class Rewriter:
    def __init__(self, name, text, first, refused=()):
        self.name = name
        self.tokens, self.rest = tokenize(text)
        self.match = self.pair()
        self.points = []
        self.next = first
        # (line, operator) where the compiler did not take the macro.
        self.refused = set(refused)
        self.function = ''
        self.returns_value = True

    def pair(self):
        match, stack = {}, []
        for i, token in enumerate(self.tokens):
            if token.kind != 'mark':
                continue
            if token.text in OPENING:
                stack.append(i)
            elif token.text in OPENING.values():
                j = stack.pop()
                match[i], match[j] = j, i
        return match

    def t(self, i):
        return self.tokens[i].text

    def raw(self, a, b):
        return ''.join(t.before + t.text for t in self.tokens[a:b])

    def plain(self, a, b):
        """The source of a range, on one line."""
        text = ''.join(('' if i == a else re.sub(r'\s+', ' ', re.sub(
            r'/\*.*?\*/|(?m:^\s*#.*$)', '', t.before, flags=re.DOTALL))) +
            t.text for i, t in enumerate(self.tokens[a:b], a))
        return text if len(text) < 100 else text[:97] + '...'

    def point(self, a, b, operators):
        """A new point for the range, or None where none may be."""
        line = self.tokens[a].line
        wanted = [o for o in operators if (line, o) not in self.refused]
        if not wanted:
            return None
        point = Point(self.next, self.name, line, self.function,
                      self.plain(a, b), wanted)
        self.points.append(point)
        self.next += 1
        return point.number

    # -- the file ---------------------------------------------------------

    def file(self):
        out, i, start = [], 0, 0
        while i < len(self.tokens):
            if (self.t(i) == '{' and i and self.t(i - 1) == ')' and
                    self.tokens[i - 1].kind == 'mark'):
                head = self.match[i - 1]
                self.function = self.t(head - 1)
                before = [self.t(k) for k in range(start, head - 1)]
                self.returns_value = '*' in before or not (
                    'struct' in before or 'void' in before)
                out.append(self.raw(start, i))
                out.append(self.block(i))
                i = start = self.match[i] + 1
            elif self.t(i) == '{':
                i = self.match[i] + 1
            elif self.t(i) == ';':
                out.append(self.raw(start, i + 1))
                i = start = i + 1
            else:
                i += 1
        out.append(self.raw(start, len(self.tokens)))
        return ''.join(out) + self.rest

    # -- statements -------------------------------------------------------

    def block(self, i):
        out, end = [self.raw(i, i + 1)], self.match[i]
        i += 1
        while i < end:
            text, i = self.statement(i)
            out.append(text)
        out.append(self.raw(end, end + 1))
        return ''.join(out)

    def end_of(self, i):
        """The index of the ; that ends the statement at i."""
        while self.t(i) != ';':
            i = self.match[i] + 1 if self.t(i) in OPENING else i + 1
        return i

    def statement(self, i):
        word = self.t(i)
        if word == '{':
            return self.block(i), self.match[i] + 1
        if word in ('if', 'while', 'switch'):
            close = self.match[i + 1]
            inner = (self.expression if word == 'switch' else self.condition)
            head = (self.raw(i, i + 2) + inner(i + 2, close) +
                    self.raw(close, close + 1))
            body, at = self.statement(close + 1)
            if word == 'if' and at < len(self.tokens) and \
                    self.t(at) == 'else':
                other, end = self.statement(at + 1)
                return head + body + self.raw(at, at + 1) + other, end
            return head + body, at
        if word == 'for':
            return self.loop(i)
        if word == 'do':
            body, at = self.statement(i + 1)
            close = self.match[at + 1]
            return (self.raw(i, i + 1) + body + self.raw(at, at + 2) +
                    self.condition(at + 2, close) +
                    self.raw(close, close + 2), close + 2)
        if word in ('case', 'default'):
            end = i
            while self.t(end) != ':':
                end += 1
            return self.raw(i, end + 1), end + 1
        if word in ('break', 'continue'):
            return self.skipped(i, i + 1, self.raw(i, i + 2)), i + 2
        if word == 'return':
            return self.give_back(i)
        end = self.end_of(i)
        if word in ('goto', '_Static_assert', ';') or 'static' == word:
            return self.raw(i, end + 1), end + 1
        if self.tokens[i].kind == 'word' and self.t(i + 1) == ':':
            return self.raw(i, i + 2), i + 2
        if self.is_declaration(i):
            return self.declaration(i, end), end + 1
        text = self.expression(i, end)
        return self.skipped(i, end, text + self.raw(end, end + 1)), end + 1

    def skipped(self, a, b, text):
        number = self.point(a, b, ['skip'])
        if number is None or self.plain(a, b).startswith('(void)'):
            return text
        return f' {{ if (MUT_DO({number})) {{ {text} }} }}'

    def give_back(self, i):
        end = self.end_of(i)
        if end == i + 1:
            return self.raw(i, end + 1), end + 1
        text = self.expression(i + 1, end)
        if self.returns_value and not self.is_logical(i + 1, end):
            number = self.point(i, end, ['return'])
            if number is not None:
                text = f' MUT_GIVE({number}, {text})'
        return self.raw(i, i + 1) + text + self.raw(end, end + 1), end + 1

    def loop(self, i):
        close = self.match[i + 1]
        first = self.end_of(i + 2)
        second = self.end_of(first + 1)
        if first == i + 2:
            init = ''
        elif self.is_declaration(i + 2):
            init = self.declaration(i + 2, first, False)
        else:
            init = self.expression(i + 2, first)
        head = (self.raw(i, i + 2) + init +
                (self.raw(first, first + 1) if not init.endswith(';') else '') +
                self.condition(first + 1, second) +
                self.raw(second, second + 1) +
                self.expression(second + 1, close) +
                self.raw(close, close + 1))
        body, at = self.statement(close + 1)
        return head + body, at

    def is_declaration(self, i):
        if self.t(i) in TYPES or self.t(i).endswith('_t'):
            return True
        if self.tokens[i].kind != 'word':
            return False
        j = i + 1
        while self.t(j) == '*':
            j += 1
        return self.tokens[j].kind == 'word' and (
            j == i + 1 or self.t(j + 1) in ('=', ';', ','))

    def declaration(self, i, end, with_end=True):
        """Initialisers are expressions; the rest is left alone."""
        out, at, start = [], i, i
        while at < end:
            if self.t(at) == '=':
                stop = at + 1
                while stop < end and self.t(stop) != ',':
                    stop = (self.match[stop] + 1 if self.t(stop) in OPENING
                            else stop + 1)
                out.append(self.raw(start, at + 1))
                out.append(self.expression(at + 1, stop))
                at = start = stop
            elif self.t(at) in OPENING:
                at = self.match[at] + 1
            else:
                at += 1
        out.append(self.raw(start, end))
        return ''.join(out) + (self.raw(end, end + 1) if with_end else '')

    # -- expressions ------------------------------------------------------

    def top(self, a, b):
        """The tokens of a range that stand in no bracket of it."""
        i = a
        while i < b:
            yield i
            i = self.match[i] + 1 if self.t(i) in OPENING else i + 1

    def is_cast(self, i):
        """Is the ) at i the end of a type in brackets?"""
        words = [self.t(k) for k in range(self.match[i] + 1, i)]
        if not words or self.tokens[self.match[i] - 1].kind == 'word' and \
                self.t(self.match[i] - 1) not in ('return', 'case'):
            return False
        return (words[0] in TYPES or words[0].endswith('_t')) and all(
            w == '*' or w.isidentifier() for w in words)

    def is_binary(self, a, i):
        if i == a:
            return False
        last = self.tokens[i - 1]
        if last.kind == 'word':
            return last.text not in ('return', 'sizeof', 'case')
        if last.kind in ('number', 'string'):
            return True
        if last.text == ')':
            return not self.is_cast(i - 1)
        return last.text in (']', '}', '++', '--')

    def last_of(self, a, b, wanted):
        found = None
        for i in self.top(a, b):
            if self.tokens[i].kind == 'mark' and self.t(i) in wanted and \
                    self.is_binary(a, i):
                found = i
        return found

    def is_logical(self, a, b):
        """Its conditions are changed already."""
        return self.t(a) == '!' or any(
            self.last_of(a, b, level) is not None
            for level in (*LOOSER[:2], COMPARISONS))

    def expression(self, a, b):
        if a >= b:
            return ''
        for i in self.top(a, b):
            if self.t(i) == ',':
                return (self.expression(a, i) + self.raw(i, i + 1) +
                        self.expression(i + 1, b))
        for i in self.top(a, b):
            if self.t(i) in ASSIGNMENTS and self.tokens[i].kind == 'mark':
                return (self.chain(a, i) + self.raw(i, i + 1) +
                        self.expression(i + 1, b))
        for i in self.top(a, b):
            if self.t(i) == '?':
                colon = self.colon_of(i, b)
                return (self.condition(a, i) + self.raw(i, i + 1) +
                        self.expression(i + 1, colon) +
                        self.raw(colon, colon + 1) +
                        self.expression(colon + 1, b))
        for level in LOOSER:
            i = self.last_of(a, b, level)
            if i is not None:
                side = self.condition if level[0] in ('||', '&&') else \
                    self.expression
                return side(a, i) + self.raw(i, i + 1) + side(i + 1, b)
        i = self.last_of(a, b, COMPARISONS)
        if i is not None:
            return self.comparison(a, i, b)
        for level in TIGHTER:
            i = self.last_of(a, b, level)
            if i is None:
                continue
            right = self.expression(i + 1, b)
            if self.t(i) in ('+', '-'):
                number = self.point(a, b, ['sign'])
                if number is not None:
                    right = f' MUT_SIGN({number}, {right})'
            return self.expression(a, i) + self.raw(i, i + 1) + right
        return self.chain(a, b)

    def colon_of(self, question, b):
        depth = 0
        for i in self.top(question + 1, b):
            if self.t(i) == '?':
                depth += 1
            elif self.t(i) == ':':
                if depth == 0:
                    return i
                depth -= 1
        raise ValueError(f'{self.name}: ? without :')

    def chain(self, a, b):
        """Unary operators, casts, calls, subscripts, initialisers."""
        if self.t(a) == 'sizeof':
            return self.raw(a, b)
        if self.t(a) == '!':
            return self.raw(a, a + 1) + self.condition(a + 1, b)
        out, i = [], a
        while i < b:
            if self.t(i) == 'sizeof':
                out.append(self.raw(i, b))
                break
            if self.tokens[i].kind == 'mark' and self.t(i) in OPENING:
                close = self.match[i]
                if self.t(i) == '(' and self.is_cast(close):
                    out.append(self.raw(i, close + 1))
                    if close + 1 < b and self.t(close + 1) != '{':
                        out.append(self.chain(close + 1, b))
                        break
                else:
                    out.append(self.raw(i, i + 1) +
                               self.expression(i + 1, close) +
                               self.raw(close, close + 1))
                i = close + 1
            else:
                out.append(self.raw(i, i + 1))
                i += 1
        return ''.join(out)

    def condition(self, a, b):
        """Something whose value is only true or false."""
        if a >= b:
            return ''
        if self.t(a) == '(' and self.match[a] == b - 1:
            return (self.raw(a, a + 1) + self.condition(a + 1, b - 1) +
                    self.raw(b - 1, b))
        top = {self.t(i) for i in self.top(a, b)
               if self.tokens[i].kind == 'mark'}
        if not top & (ASSIGNMENTS | {',', '?'}):
            for level in LOOSER[:2]:
                i = self.last_of(a, b, level)
                if i is not None:
                    return (self.condition(a, i) + self.raw(i, i + 1) +
                            self.condition(i + 1, b))
            i = self.last_of(a, b, COMPARISONS)
            looser = [self.last_of(a, b, level) for level in LOOSER[2:]]
            if i is not None and not any(looser):
                return self.comparison(a, i, b)
            if self.t(a) == '!' and i is None and not any(looser):
                return self.raw(a, a + 1) + self.condition(a + 1, b)
        if b == a + 1 and self.t(a) in CONSTANTS:
            return self.raw(a, b)
        inner = self.expression(a, b)
        number = self.point(a, b, ['true', 'false'])
        return inner if number is None else f' MUT_IS({number}, {inner})'

    def comparison(self, a, i, b):
        operator = self.t(i)
        left, right = self.expression(a, i), self.expression(i + 1, b)
        operators = ['true', 'false']
        if operator in FLIPPED:
            operators.append('boundary')
        number = self.point(a, b, operators)
        if number is None:
            return left + ' ' + operator + right
        return (f' MUT_COMPARE({number}, {left}, {operator}, {right}, '
                f'{FLIPPED.get(operator, operator)})')


def rewrite(name, text, first, refused=()):
    """(new text, points) of one file; first is the number of its first."""
    rewriter = Rewriter(name, text, first, refused)
    return rewriter.file(), rewriter.points
