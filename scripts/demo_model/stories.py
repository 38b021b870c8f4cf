#!/usr/bin/env python3
"""A grammar of short stories for the demo model.

stories.py [--seed N] [--count N] [--first N]: prints stories, one after another, with an empty line between them.

Story number i of a seed is always the same text, whatever other stories are asked for. A story is one of twenty plots.
A plot draws its characters, things and places once, so that they stay the same to the end, and fills a template whose
[one|other|third] choices vary the wording. Earlier choices are likelier: a model of these stories then has a clear
opinion of what comes next, which makes its greedy text independent of rounding.
"""
import argparse
import functools
import random
import re

GIRLS = """Mia Lily Anna Rosa Nora Ella Clara Ivy Ruby Hazel Maya Lucy Emma Daisy Luna Alma Tess Zoe Vera Olive Wilma
Greta Pearl Flora Kate Jane Nina Poppy Sara Edda""".split()
BOYS = """Tom Ben Max Leo Sam Oscar Finn Hugo Otto Felix Milo Theo Jack Noah Bruno Emil Arlo Rufus Toby Pip Gus Ned
Casper Walter Henry Adam Paul Rory Bertie Ivan""".split()
ONSETS = "b c d f g h j k l m n p qu r s t v w y z br tr fl sh th ch al el".split()
VOWELS = "a e i o u ie ee".split()
SINGLES = "b d f g k l m n p r s t v x z".split()
DOUBLES = "nd ll rl st ck ld tt ss mp nn lv sk".split()
ENDINGS = {"she": "a a e y ie".split(), "he": "o o y us i".split()}

ANIMALS = """fox rabbit mouse bear hedgehog squirrel kitten puppy frog badger otter mole turtle goat pony dragon cat dog
duck monkey elephant lion penguin""".split()
CHILDREN = {"she": ["girl", "princess"], "he": ["boy", "prince"]}
TINY_ANIMALS = "mouse hedgehog frog squirrel mole rabbit kitten".split()
RUNNERS = "rabbit fox puppy pony mouse kitten goat squirrel".split()
BIG_ANIMALS = "bear horse cow donkey deer ox moose".split()
PALS = "owl duck cat crow dog hen goose donkey deer beaver badger sheep fox rabbit frog raven pig turtle".split()
NIGHT_PALS = "owl bat moth firefly cricket".split()
PAL_LOOKS = "old wise gray friendly small round tall quiet funny".split()
FLYERS = "bee butterfly beetle dragonfly moth".split()
TRAITS = "kind brave curious cheerful clever gentle friendly quiet careful shy".split()
SIZES = "little small young".split()
ELDERS = [("grandmother", "she"), ("mother", "she"), ("grandfather", "he"), ("father", "he"), ("aunt", "she"),
          ("uncle", "he")]

HOMES = ["in a small village", "in a green forest", "on a little farm", "in a quiet valley", "near a wide river",
         "at the foot of a mountain", "in a town by the sea", "on a small island", "on a high hill",
         "in a house with a red door", "at the edge of a dark wood", "beside a blue lake", "in an old castle",
         "high up in the mountains", "in a hollow tree", "at the end of a long road"]
SPOTS = ["by the pond", "under an old tree", "near the bridge", "at the edge of the forest", "beside the stream",
         "by the old well", "behind the mill", "on a flat rock", "at the end of the road"]
PLACES = ["the old mill", "the pond", "the market", "the bridge", "the apple orchard", "the meadow", "the barn",
          "the well", "the beach", "the church"]

LONGEST = 165  # words of a story

SUBJECT = {"he": ("he", "him", "his", "himself"), "she": ("she", "her", "her", "herself")}


def weighted(rng, options, flatness):
    """One of the options; option i has weight 1 / (i + flatness)."""
    mark = rng.random() * sum(1 / (i + flatness) for i in range(len(options)))
    for i, option in enumerate(options):
        mark -= 1 / (i + flatness)
        if mark < 0:
            return option
    return options[-1]


@functools.lru_cache(maxsize=None)
def parse(text):
    """A template as a tree: a list of strings, and of tuples of such lists where there is a choice."""
    stack = [[[]]]
    for part in re.split(r"([\[\]|])", " ".join(text.split())):
        if part == "[":
            stack.append([[]])
        elif part == "|":
            stack[-1].append([])
        elif part == "]":
            options = stack.pop()
            stack[-1][-1].append(tuple(options))
        elif part:
            stack[-1][-1].append(part)
    if len(stack) != 1 or len(stack[0]) != 1:
        raise ValueError("brackets do not match in: " + text)
    return stack[0][0]


def with_article(words):
    return ("an " if words[0] in "aeiou" else "a ") + words


def invented_name(rng, pronoun):
    """A name that no list holds, so that a model learns to repeat a name it has never seen."""
    start = rng.choice(ONSETS) + rng.choice(VOWELS)
    form = rng.randrange(6)
    if form == 0:
        name = start + rng.choice(DOUBLES)
    elif form == 1:
        name = start + start
    else:
        name = start + rng.choice(SINGLES + DOUBLES)
        if form == 2:
            name += rng.choice(VOWELS) + rng.choice(SINGLES)
        name += rng.choice(ENDINGS[pronoun])
    return name.capitalize()


class Slots(dict):
    """Slots that can be made of others."""

    def __missing__(self, key):
        if key == "a_pal_cap":
            return self["a_pal"][0].upper() + self["a_pal"][1:]
        if key == "a_plant":
            return with_article(self["plant"])
        if key == "Spot":
            return self["spot"][0].upper() + self["spot"][1:]
        raise KeyError(key)


class Story:
    """What one story has drawn: its random numbers and the words for its slots."""

    def __init__(self, rng):
        self.rng = rng
        self.slots = Slots()

    def pick(self, options, flatness=6):
        return weighted(self.rng, options, flatness)

    def set(self, **words):
        for key, value in words.items():
            self.slots[key] = self.fill(value)

    def fill(self, template):
        words = []
        self.walk(parse(template), words)
        text = "".join(words).format_map(self.slots)
        return " ".join(text.split())

    def walk(self, tree, words):
        for node in tree:
            if isinstance(node, str):
                words.append(node)
            else:
                self.walk(weighted(self.rng, node, 1.5), words)

    def person(self, prefix, pronoun):
        he, him, his, himself = SUBJECT[pronoun]
        for key, word in (("he", he), ("him", him), ("his", his), ("himself", himself)):
            self.slots[prefix + key] = word
            self.slots[(prefix + key).capitalize()] = word.capitalize()

    def name(self, pronoun):
        """A name that nobody in the story has."""
        if self.rng.random() < 0.25:
            names = [invented_name(self.rng, pronoun) for _ in range(2)]
        else:
            names = GIRLS if pronoun == "she" else BOYS
        return self.pick([n for n in names if n not in self.slots.values()] or ["Bo"])

    def hero(self, kinds=None, children=0.4):
        """The hero, where the hero lives and who brings the hero up."""
        pronoun = self.pick(["she", "he"])
        child = self.rng.random() < children
        kind = self.pick(CHILDREN[pronoun], 0.3) if child else self.pick(kinds or ANIMALS)
        self.person("", pronoun)
        elder, elder_pronoun = self.pick(ELDERS, 3)
        self.person("g", elder_pronoun)
        self.slots.update(hero=self.name(pronoun), kind=kind, trait=self.pick(TRAITS), size=self.pick(SIZES, 2),
                          hands="hands" if child else "paws", home=self.pick(HOMES), elder=elder,
                          spot=self.pick(SPOTS))
        self.slots["Home"] = self.slots["home"][0].upper() + self.slots["home"][1:]

    def pal(self, kinds=None, looks=None):
        """The second character."""
        pronoun = self.pick(["he", "she"])
        self.person("p", pronoun)
        kind = self.pick([k for k in (kinds or PALS) if k != self.slots["kind"]])
        self.slots.update(pal=self.name(pronoun), pkind=kind,
                          a_pal=with_article(self.pick(looks or PAL_LOOKS) + " " + kind))

    def open(self):
        """Sets {opening}, the first sentence or two, and {Day}, the words that start what happens next."""
        a_trait = with_article(self.slots["trait"])
        a_plain = with_article(self.slots["kind"])
        a_small = "a {size} {kind}"
        a_full = a_trait + " {size} {kind}"
        text, acted = self.pick([
            ("Once upon a time, there was " + a_small + " named {hero}. {He} lived {home} with {his} {elder}.", False),
            ("Once upon a time, " + a_small + " named {hero} lived {home}.", False),
            ("Once upon a time, {home}, there lived " + a_full + " named {hero}.", False),
            ("Once upon a time, there was " + a_full + " who lived {home}. {His} name was {hero}.", False),
            ("One day, " + a_small + " named {hero} woke up [early|with a smile]. {He} lived {home} with {his} "
             "{elder}.", True),
            ("There was once " + a_full + " named {hero} who lived {home}.", False),
            ("{Home}, there lived " + a_small + " named {hero}.", False),
            ("{Home} lived " + a_full + " named {hero}.", False),
            ("{hero} was " + a_full + " who lived {home}.", False),
            ("Long ago, there lived " + a_small + " named {hero} {home}.", False),
            ("This is the story of {hero}, " + a_full + " who lived {home}.", False),
            ("Far away, [behind the tall mountains|across the wide sea], there lived " + a_full + " named {hero}.",
             False),
            ("Once upon a time there was " + a_full + " named {hero}. {He} lived {home}.", False),
            ("Once upon a time, there was " + a_plain + " named {hero}. {He} lived {home}.", False),
            ("Once there was " + a_small + " named {hero}, and {he} lived {home}.", False),
            ("A long time ago, {home}, there lived " + a_small + " named {hero}.", False),
            ("A {size} {kind} named {hero} lived {home}.", False),
            ("There was " + a_plain + " named {hero} who lived {home}.", False),
            ("One [sunny|cold|windy] day, " + a_full + " named {hero} sat at the window. {He} lived {home} with {his} "
             "{elder}.", True),
            ("There once was " + a_small + " [who was called|named] {hero}. {He} lived {home}.", False),
            ("Do you know {hero}? {hero} was " + a_small + " who lived {home} with {his} {elder}.", False),
            ("The {size} {kind} was called {hero}, and {he} lived {home}.", False),
        ], 2.5)
        if acted:
            self.set(Day="[That morning|A little later|That same day]")
        else:
            self.set(Day="[One day|One morning|One sunny morning|One afternoon|One fine day|Then one day]")
        self.set(opening=text)

    def tell(self, *paragraphs):
        self.open()
        texts = [self.fill(p) for p in paragraphs]
        if self.rng.random() < 0.15:
            texts.append("The end.")
        return "\n".join(texts)


def lost_thing(s):
    s.hero()
    s.pal()
    thing, light = s.pick([("red kite", True), ("blue ball", False), ("silver bell", False), ("wooden boat", False),
                           ("golden key", False), ("green scarf", True), ("small drum", False), ("yellow hat", True),
                           ("music box", False), ("tin whistle", False), ("striped sock", True),
                           ("paper star", True), ("toy train", False), ("old lantern", False)])
    where = s.pick(["in the branches of a tall tree", "on the roof of a shed", "on top of the fence"] if light else
                   ["in the tall grass", "under a pile of leaves", "between two big stones", "behind a bush"], 2)
    first, second = s.pick(PLACES), s.pick(PLACES)
    while second == first:
        second = s.pick(PLACES)
    s.set(thing=thing, a_thing=with_article(thing), where=where, first=first, second=second,
          how="[|The wind had carried it there.]" if light else "[|It must have fallen there the day before.]")
    return s.tell(
        """{opening} {He} had {a_thing}, [a gift from {his} {elder}|which {his} {elder} had given {him}]. [{He} took it
        everywhere.|{He} loved it more than anything.|{He} never went out without it.]""",
        """{Day}, [the {thing} was gone|{hero} could not find the {thing}|{hero} looked for the {thing}, but it was
        gone]. [|It was not under the bed, and it was not behind the door.|{He} looked in the house and in the garden,
        but it was not there.] ["Oh no!" cried {hero}.|{He} was very sad.|A tear ran down {his} nose.] {He} went to
        {first} to look for it. There {he} met {a_pal} named {pal}. "Have you seen my {thing}?" asked {hero}. "No," said
        {pal}, "but [I will help you look|we will find it together|four eyes see more than two]." They went to {second}
        and looked [everywhere|high and low|until it was almost dark]. At last {pal} [called|cried], "Look over there!"
        The {thing} was {where}. {how}""",
        """"Thank you, {pal}!" said {hero}[| and danced for joy]. [That evening|That night], {he} put the {thing} next
        to {his} bed [and told {his} {elder} about {pal}|and thought of {pal}]. [{He} had lost {a_thing} and found a
        friend|{He} had found {his} {thing}, and a new friend, too].""")


def new_friend(s):
    s.hero()
    s.pal(looks="small shy quiet young thin gray".split())
    play, played = s.pick([("play hide and seek", "played hide and seek"), ("sail paper boats", "sailed paper boats"),
                           ("sing songs", "sang songs"), ("roll down the hill", "rolled down the hill"),
                           ("build a tower of stones", "built towers of stones"), ("fly a kite", "flew a kite"),
                           ("draw pictures in the sand", "drew pictures in the sand"),
                           ("jump over puddles", "jumped over puddles"), ("look for shells", "looked for shells")])
    s.set(play=play, played=played, snack="[bread|apple|cake|pear|cheese]")
    return s.tell(
        """{opening} {He} [had many toys|knew many games|knew every path and every tree], but {he} had no one to play
        with. [|{He} was often lonely.|Sometimes {he} felt lonely.]""",
        """{Day}, {hero} saw {a_pal} sitting all alone {spot}. "Hello, I am {hero}," said {hero}. "What is your name?"
        "My name is {pal}," said the {pkind} [in a quiet voice|softly]. "I am new here, and I do not know anyone."
        [{hero} thought for a moment. Then {he} gave {pal} half of {his} {snack}.|{hero} sat down and gave {pal} half of
        {his} {snack}.] "Do you want to {play} with me?" {he} asked. ["Yes, please!" said {pal}.|{pal} smiled for the
        first time that day.|"I would love to!" said {pal}.]""",
        """They {played} until [the sun went down|the stars came out]. [|At first {pal} was shy, but soon they both
        laughed.|They laughed until their bellies hurt.] ["Will you come back tomorrow?" asked {pal}. "Of course," said
        {hero}. "[Friends always come back|That is what friends do]."|] From that day on, they {played} every day, and
        [{hero} was never lonely again|neither of them was ever lonely again].""")


def storm(s):
    s.hero()
    s.pal(looks="old gray grumpy quiet proud".split())
    s.set(treat="[a plum cake|a pot of jam|an apple pie|a loaf of bread]", meal="[soup|tea|milk]",
          broke="[roof|door|window]")
    return s.tell(
        """{opening} {His} house was small, but it was warm and dry. Next door lived {a_pal} named {pal}, who [never
        said hello|did not talk much|liked to be alone].""",
        """{Day}, dark clouds came over the hills, and the wind began to blow. [|{hero} shut the window and lit a
        candle.|{hero} sat by the fire and listened.] Then there was a knock at the door. It was {pal}, wet and cold.
        "The wind broke my {broke}," said {pal}. "May I stay here tonight?" "Come in, come in!" said {hero}. {He} gave
        {pal} a warm blanket and a cup of hot {meal}. [|They told each other stories until the storm was over.|All night
        they sat by the fire and talked.]""",
        """In the morning the sky was blue again. [{hero} helped {pal} to mend the {broke}|They worked all day to mend
        the {broke}], and soon it was as good as new. {pal} made {treat} to say thank you. After that, whenever the wind
        began to blow, {hero} and {pal} sat together by the fire, and [neither of them was afraid|the storm did not seem
        so loud].""")


def sharing(s):
    s.hero()
    s.pal(looks="thin small young old hungry".split())
    s.set(food=s.pick(["berries", "red apples", "honey cakes", "sweet plums", "nuts", "yellow pears", "cherries",
                       "warm rolls", "cookies"]),
          secret="[where the best mushrooms grow|how to whistle with a leaf|a secret path to the lake|how to find the "
          "first stars]")
    return s.tell(
        """{opening} {He} loved to eat {food}[| more than anything else| every day].""",
        """{Day}, {hero} had a big basket of {food}. ["This is all mine," {he} said, and {he} sat down {spot}.|{He} sat
        down {spot} and began to eat.] Soon {a_pal} named {pal} came by. "May I have some of your {food}?" asked {pal}.
        "No," said {hero}. "[I do not have enough|I want to eat them all|These are mine]." {pal} [said nothing and
        walked away|walked away with {phis} head down]. {hero} ate and ate, but the {food} did not taste as good as
        before. [|{He} kept thinking of {pal}.] At last {he} jumped up and ran down the road. "[Wait!|Wait, {pal}!]"
        {he} called. "I am sorry. [|I have more than I need.|There is enough for two.] Please come and eat with me."
        """,
        """So they sat down together and shared the {food}. [Now they tasted sweeter than ever.|They had never tasted so
        good.] [|{pal} was so thankful that {phe} showed {hero} {secret}.] When the basket was empty, {hero} was not sad
        at all. [{He} had learned that good things are best when they are shared.|"Tomorrow we will share again," {he}
        said.|{He} had a full belly and a new friend.]""")


def brave_small(s):
    s.hero(kinds=TINY_ANIMALS, children=0.15)
    s.pal(kinds=BIG_ANIMALS, looks="big strong large".split())
    trouble, answer = s.pick([
        ("{pal} was caught in a net, and the knots were too tight for the others",
         "{hero} ran to the net. With {his} little {hands} {he} undid the knots, one by one, until {pal} was free"),
        ("the door of the old barn was stuck, and {pal} was inside. The only window was high up and very narrow",
         "{hero} climbed up the wall and slipped through the narrow window. Inside, {he} pushed the bolt back, and the "
         "door opened"),
        ("{pal} had dropped {phis} key into a crack in the rocks, and nobody could reach it",
         "{hero} crawled into the crack. It was dark and cold in there, but {he} felt around with {his} {hands} until "
         "{he} found the key"),
        ("{pal} was lying in the grass with a thorn in {phis} foot, so small that nobody could take hold of it",
         "{hero} took the thorn between {his} tiny {hands} and pulled with all {his} strength. Out it came"),
    ], 3)
    s.set(task="[help us|be brave|do great things]")
    s.set(trouble=trouble, answer=answer)
    return s.tell(
        """{opening} {hero} was [smaller than everyone else|the smallest of them all]. {a_pal_cap} named {pal} always
        said, "You are too small to {task}." That made {hero} sad.""",
        """{Day}, there was a loud cry, and everyone came running. [It was terrible:|Something bad had happened:]
        {trouble}. "[What can we do|Who can help]?" they cried. "Let me try," said {hero} [in a small voice|bravely].
        [|{His} heart was beating fast, but {he} did not run away.] {answer}.""",
        """[Everyone cheered.|Everyone clapped and cheered.] ["I was wrong," said {pal}. "You are small, but your heart
        is big."|"Thank you," said {pal}. "I am sorry that I laughed at you."] From that day on, nobody ever told {hero}
        that {he} was too small to {task}. [|{hero} was still very small, but now {he} felt as tall as a tree.]""")


def garden(s):
    s.hero()
    s.pal(looks="old wise slow gray".split())
    plant, size, gift = s.pick([
        ("sunflower", "as tall as the house", "gave its seeds to all the birds"),
        ("pumpkin", "as big as a cart", "made soup for everyone"),
        ("rose bush", "full of red flowers", "gave the first rose to {his} {elder}"),
        ("apple tree", "full of sweet apples", "gave an apple to everyone who came by"),
        ("bean plant", "as high as the roof", "cooked a big pot of beans for everyone"),
        ("strawberry plant", "full of red berries", "made jam for everyone"),
        ("cherry tree", "white with flowers", "sat under it with {his} {elder}"),
    ])
    s.set(plant=plant, size2=size, gift=gift)
    return s.tell(
        """{opening} {Day}, {his} {elder} gave {him} a tiny seed. "Plant it and be patient," {ghe} said.""",
        """{hero} planted the seed [behind the house|next to the fence|in the sun] and gave it water every morning. [A
        week|Many days] went by, but nothing came up. "[Maybe it is asleep|I think it does not like me|It will never
        grow]," said {hero}. {a_pal_cap} named {pal} looked over the fence. "[Good things take time|Do not worry. Seeds
        like to take their time]," said {pal}. [|So {hero} waited.] [Then it did not rain for many days.|Then the days
        grew hot and dry.] {hero} carried water from the river, again and again, and {pal} helped {him}. Then, one
        morning, there was a little green leaf. [|"It is growing!" cried {hero}.]""",
        """The plant grew and grew. It was {a_plant}, and [after a long time|at last] it was {size2}. {hero} {gift}.
        {He} kept one tiny seed and gave it to {pal}. "Plant it and be patient," said {hero}[| with a smile].""")


def cooking(s):
    s.hero()
    s.pal()
    chore, done = s.pick([("sweep the path", "swept the path"), ("carry the wood", "carried the wood"),
                          ("feed the hens", "fed the hens"), ("find my glasses", "found the glasses under a chair"),
                          ("mend the fence", "mended the fence"), ("wash the windows", "washed the windows"),
                          ("pick the beans", "picked the beans")])
    s.set(dish=s.pick(["honey cake", "apple pie", "plum cake", "carrot cake", "berry pie", "nut cake"]),
          missing=s.pick(["flour", "butter", "sugar", "milk", "salt"], 3), chore=chore, done=done)
    s.set(a_dish=with_article(s.slots["dish"]))
    return s.tell(
        """{opening} It was almost {his} {elder}'s birthday, and {hero} wanted to bake {a_dish}.""",
        """{Day}, {hero} opened the cupboard. [There was no {missing}!|But where was the {missing}? There was none
        left.] [|"What shall I do now?" said {hero}.] {He} went next door to {a_pal} named {pal}. "Can you give me some
        {missing}?" {he} asked. "Gladly," said {pal}, "but first, can you help me {chore}?" So {hero} {done}, and {pal}
        gave {him} the {missing}. At home, {hero} mixed and stirred and baked. [The {dish} came out a little
        crooked.|The {dish} came out rather flat.|The {dish} was a bit brown on one side.] [|"I hope it is good," {he}
        said.|"Oh dear," {he} said.]""",
        """[In the evening|That evening], {hero} put the {dish} on the table, and {pal} came with [a bunch of flowers|a
        candle|a song]. {His} {elder} took a bite and smiled. "This is the best {dish} in the world," {ghe} said,
        "because you made it [for me|with love]." [They ate and laughed until there was not a crumb left.|And soon there
        was not a crumb left.]""")


def journey(s):
    s.hero()
    s.pal(looks="old friendly funny quiet brave".split())
    goal, sight, keep = s.pick([
        ("the sea", "It was blue and wide, and it seemed to have no end", "white shell"),
        ("the top of the mountain", "From up there they could see the whole world", "smooth gray stone"),
        ("the great waterfall", "The water fell like silver, and a rainbow stood over it", "shiny pebble"),
        ("the old lighthouse", "Its lamp was shining like a star", "blue feather"),
        ("the land of snow", "Everything was white and still", "warm wool hat"),
        ("the big city", "A thousand lights were shining in the windows", "little picture of a tower"),
    ], 3)
    block, way = s.pick([
        ("a wide river with no bridge", "They tied some logs together and made a raft"),
        ("a dark wood", "They sang a song until they came out on the other side"),
        ("a steep hill", "They climbed slowly, and each helped the other"),
        ("a thick fog", "They sat down and waited until the sun came back"),
    ], 2)
    s.set(goal=goal, sight=sight, keep=keep, a_keep=with_article(keep), block=block, way=way)
    return s.tell(
        """{opening} Every night {he} [looked out of the window|lay in bed] and dreamed of {goal}.""",
        """{Day}, {hero} packed [some bread and a blanket|a bag with bread and cheese] and set out. On the road {he} met
        {a_pal} named {pal}. "Where are you going?" asked {pal}. "To {goal}," said {hero}. ["May I come with you?" asked
        {pal}. "Two can walk further than one."|"Then let us go together," said {pal}. "The road is long for one."]
        After a while they came to {block}. {way}. ["I am tired," said {hero}. "[Only a little further|Do not give up
        now]," said {pal}.|They walked all day and all night.|]""",
        """At last they came to {goal}. {sight}. ["It is more beautiful than in my dreams," said {hero}.|They looked and
        looked and did not say a word.] {hero} took {a_keep} home and showed it to {his} {elder}. [Now every night {he}
        looks at the {keep} and dreams of the next journey.|Every night {he} looks at the {keep} and thinks of {pal} and
        the long road.]""")


def truth(s):
    s.hero()
    thing, place = s.pick([("blue vase", "on the shelf"), ("clay pot", "by the window"), ("glass lamp", "on the table"),
                           ("old mirror", "next to the door"), ("tea cup", "on the shelf"),
                           ("white plate", "on the wall"), ("glass bird", "by the window")])
    s.set(thing=thing, a_thing=with_article(thing), place=place, toy="[ball|drum|wooden horse|kite]")
    return s.tell(
        """{opening} {His} {elder} had {a_thing} that stood {place}.[| {Ghe} loved it very much.| It was very old.]""",
        """{Day}, {hero} was playing in the house with {his} {toy}. [{He} ran into the wall|{He} turned around too
        fast], and the {thing} fell down and broke. {He} hid the pieces [under the bed|behind the stove|in a box].
        "Where is my {thing}?" {his} {elder} asked in the evening. "I do not know," said {hero}[|, and {his} face became
        hot]. But {he} could not sleep that night. At last {he} went to {his} {elder}. "It was me," {he} said. "I broke
        the {thing}, and I am sorry." """,
        """{His} {elder} was quiet for a moment. "I am sad about the {thing}," {ghe} said, "but I am glad that you told
        me the truth." [In the morning|The next day] they put the pieces together with glue. Now the {thing} stands
        {place} again, and [they like it even more than before|whenever {hero} sees it, {he} remembers how light {his}
        heart felt].""")


def dark(s):
    s.hero()
    s.pal(kinds=NIGHT_PALS, looks="small old gray friendly".split())
    s.set(sound="[Tap, tap, tap|Scratch, scratch|Knock, knock]")
    return s.tell(
        """{opening} {hero} was [a good climber|a fast runner|good at many things], but {he} was afraid of the dark.
        Every night {his} {elder} left a little lamp burning next to {his} bed.""",
        """One night the lamp went out. {hero} pulled the blanket over {his} head. {sound}! "Who is there?" asked
        {hero}. "It is only me," said {a_pal} named {pal}. "[Why are you hiding|What is the matter]?" "I am afraid of
        the dark," said {hero}. "Come outside," said {pal}. {hero} [took a deep breath|held on to the blanket] and went
        out of the door. "Now look up," said {pal}. {hero} looked up and saw a thousand stars. [|The moon shone on the
        grass like silver.|Far away, the frogs were singing.] "You can only see them when it is dark," said {pal}.""",
        """They [counted the stars|watched the stars] until {hero} was sleepy. The next evening, {his} {elder} came to
        light the lamp. "You can leave it off," said {hero}. "I want to [say good night to the stars|see the stars|see
        {pal}]." [|And {he} was not afraid of the dark any more.|After that, {he} was never afraid of the dark
        again.]""")


def learning(s):
    s.hero()
    s.pal()
    skill, fail, tip, did = s.pick([
        ("swim", "sank like a stone", "Breathe slowly and kick your legs", "swam all the way across the lake"),
        ("whistle", "made no sound at all", "Make your lips round and blow softly", "whistled a song for everyone"),
        ("skate", "fell on {his} nose", "Bend your knees and look ahead", "skated around the pond three times"),
        ("juggle", "dropped all the balls", "Start with one ball, then take two",
         "juggled five balls at the same time"),
        ("play the flute", "made it squeak like a mouse", "Play one note until you like it",
         "played the flute for everyone"),
        ("dance", "tripped over {his} own feet", "Listen to the music and count to three", "danced all evening"),
        ("paint", "made a picture that looked like a potato", "Look for a long time before you begin",
         "showed everyone a picture of the sea"),
    ], 3)
    s.set(skill=skill, fail=fail, tip=tip, did=did, feast="[summer|spring|harvest|winter]")
    return s.tell(
        """{opening} {He} wanted to {skill}, but {he} did not know how.""",
        """{Day}, {hero} tried for the first time. {He} {fail}. [Everyone laughed.|Some others saw it and laughed.] "I
        will never learn to {skill}," said {hero}[|, and {he} sat down and cried]. {a_pal_cap} named {pal} [sat down
        next to {him}|came over]. ["I could not {skill} either when I was young," said {pal}. "{tip}. Try a little every
        day."|"I will help you," said {pal}. "{tip}. Try a little every day."] So every day they met {spot}. [|{hero}
        tried and tried again.] [Some days were bad, but some days were good.|Slowly, very slowly, it became
        better.]""",
        """When the {feast} feast came, {hero} {did}. Nobody laughed this time. [They all clapped.|They clapped and
        cheered.] "How did you learn to {skill} so well?" they asked. {hero} looked at {pal} and smiled. "[I had a good
        friend, and I did not give up|I tried a little every day, and I was not alone]," {he} said.""")


def lost_baby(s):
    baby, mother = s.pick([("duckling", "duck"), ("chick", "hen"), ("lamb", "sheep"), ("fawn", "deer"),
                           ("bear cub", "bear"), ("baby owl", "owl"), ("calf", "cow"), ("baby mouse", "mouse")])
    s.hero(kinds=[a for a in ANIMALS if a != mother])
    s.pal(kinds=[a for a in PALS if a not in (mother, s.slots["kind"])])
    s.set(baby=baby, mother=mother, place=s.pick(PLACES),
          gift="[a soft feather|a blue flower|a shiny stone|a red berry]")
    return s.tell(
        """{opening} {He} liked to [go for long walks|walk around and look at everything].""",
        """{Day}, {hero} heard someone crying. {Spot} sat a tiny {baby}. "I cannot find my mother," said the {baby}. "Do
        not cry," said {hero}. "I will help you." {He} took the {baby} on {his} back and set out. Soon they met {a_pal}
        named {pal}. "Have you seen a mother {mother}?" asked {hero}. "[Yes|I think so]," said {pal}. "I heard her
        calling near {place}." {hero} thanked {pal} and [walked faster|hurried on]. [|On the way {he} sang a song, so
        that the {baby} was not afraid.|It was a long way, and {hero} was tired, but {he} did not stop.]""",
        """Near {place} they saw the mother {mother}. "[My baby! There you are|Oh, my little one]!" she cried. She was
        so happy that she gave {hero} {gift}. [It was late when {hero} came home and told {his} {elder} everything.
        "[You did well|I am proud of you]," {ghe} said.|] And whenever {hero} goes for a walk now, the {baby} [comes
        along|waves to {him}].""")


def race(s):
    s.hero(kinds=RUNNERS)
    s.pal(looks="fast young strong proud friendly".split())
    s.set(prize=s.pick(["golden cup", "blue ribbon", "silver medal", "big round cheese", "red flag"], 3),
          finish=s.pick(PLACES), hurt="[foot|leg|knee]", judge="[mayor|judge|old teacher]")
    s.set(a_prize=with_article(s.slots["prize"]))
    return s.tell(
        """{opening} {hero} was a very fast runner. Every year there was a great race to {finish}, and the winner got
        {a_prize}. [|{hero} wanted to win it more than anything.]""",
        """[At last the day came.|Then the day of the race came.] "Ready, set, go!" called the {judge}. {hero} ran as
        fast as the wind. Only {pal}, {a_pal}, was just behind {him}. [|{hero} could already see {finish}.] Then {he}
        heard a cry. {pal} had fallen and hurt {phis} {hurt}. {hero} stopped. [|If {he} went on, {he} would win.|{He}
        looked ahead, and {he} looked at {pal}.] Then {hero} turned around and helped {pal} up. "Run! You can still
        win," said {pal}. "[I want to win, but not like this|A friend is better than a prize]," said {hero}.""",
        """Slowly, side by side, they walked to {finish}. They were the last ones, but everyone cheered for them. The
        {judge} smiled and gave the {prize} to both of them. [They ran many more races together, but this one they liked
        best.|And from that day on, {hero} and {pal} were the best of friends.]""")


def kindness(s):
    s.hero()
    small = s.pick(FLYERS)
    trap, freed = s.pick([("in a spider web", "carefully broke the web"), ("under a fallen leaf", "lifted the leaf"),
                          ("in a puddle", "held out a stick"), ("behind a window", "opened the window"),
                          ("in a jar", "took off the lid")], 3)
    s.set(small=small, a_small=with_article("tiny " + small), trap=trap, freed=freed,
          lost="[a thick fog came up|it began to snow|it became dark]", road="[forest|hills|wood]",
          thanks="[a drop of honey|some seeds|a flower|a little water]")
    return s.tell(
        """{opening} {Day}, {hero} found {a_small} that was caught {trap}. ["Please help me," said the {small}.|"Help!"
        cried the {small}.] {hero} {freed}, and the {small} was free. "Thank you," it said. "One day I will help you,
        too." {hero} laughed. "You are so tiny," {he} said. "How could you help me?" """,
        """[Some weeks|Many days] later, {hero} was walking home through the {road} when {lost}. {He} could not see the
        path. [|{He} went to the left, and {he} went to the right, but every tree looked the same.] "I am lost," {he}
        said, and [sat down|began to cry]. Then {he} heard a soft sound. It was the {small}! "Follow me," it said. The
        {small} flew ahead, and {hero} followed it, step by step, until {he} saw the light of {his} house.""",
        """[|{His} {elder} was waiting at the door. "Where have you been?" {ghe} cried. {hero} told {ghim} everything.]
        Since that day, {hero} puts {thanks} by the window for the {small}. {He} knows now that [nobody is too tiny to
        help|no good deed is ever lost].""")


def treasure(s):
    s.hero()
    s.pal(looks="friendly funny young small curious".split())
    inside = s.pick(["wooden horse", "bag of marbles", "little doll", "silver spoon", "paper crown", "tin soldier",
                     "toy boat"], 3)
    s.set(inside=inside, an_inside=with_article(inside), steps="[ten|twenty|seven|thirty]",
          mark="[big rock|old oak|stone wall|hollow tree]", start=s.pick(PLACES))
    return s.tell(
        """{opening} {Day}, {hero} was [playing|looking around] under the roof, and there {he} found an old map in a
        [dusty box|thick book].""",
        """{hero} ran to {his} friend {pal}, {a_pal}. "It is a treasure map!" {he} cried. [They set out at once.|"Let us
        go and look."] "Start at {start}," {hero} read. "Take {steps} steps to the {mark}. Then dig." They [counted
        {steps} steps|soon found the {mark}], and they dug and dug. [|"There is nothing here," said {pal}.|"Maybe it is
        only a joke," said {pal}.] Then they hit something hard. It was a small box. Inside there was {an_inside}.""",
        """They ran home and showed the {inside} to {hero}'s {elder}. {Ghe} began to laugh. "I hid that box when I was
        as small as you," {ghe} said.[| "I drew the map, too."] [All evening|Until bedtime] they played with the
        {inside}. [The next day, {hero} and {pal} drew a new map|Then they put the map in the box again], so that
        someone else could find a treasure one day.""")


def moon(s):
    s.hero()
    s.pal(looks="old wise gray tall".split())
    wish, reach = s.pick([("touch the moon", "moon"), ("catch a star", "star"), ("hold the rainbow", "rainbow"),
                          ("ride on a cloud", "cloud")], 2)
    s.set(wish=wish, sky=reach, climb="[a tall ladder|a high tower of boxes|the tallest tree|the highest hill]")
    return s.tell(
        """{opening} {He} wanted to {wish} more than anything else.""",
        """{Day}, {hero} made a plan. {He} climbed up {climb} and held out {his} {hands}, but the {sky} was still too
        far away. [|{He} jumped as high as {he} could and fell down into the grass. "Ouch!" said {hero}.] {a_pal_cap}
        named {pal} came by and asked, "What are you doing?" "I want to {wish}," said {hero}, "but I am too small."
        [|{pal} thought for a while.] "Come with me to the lake," said {pal}. They [walked to the lake and sat down by
        the water|went to the lake and sat down on a stone]. "Now look," said {pal}.""",
        """There was the {sky} in the water, [bright and clear|so near and so beautiful]. {hero} put {his} {hands} into
        the lake, very gently, and the {sky} [danced between them|shone all around them]. "I did it!" {he} cried, and
        {pal} laughed with {him}. [That night|In the evening] {hero} told {his} {elder}, "[Some wishes come true in
        another way|You do not have to be tall to {wish}]." """)


def snowman(s):
    s.hero()
    s.pal()
    s.set(wear="[hat|scarf|coat]", look="[red|green|old|striped]", nose="[carrot|pine cone|red pear]",
          flower="[white|yellow|blue]")
    return s.tell(
        """{opening} {He} loved the winter more than anything.""",
        """One morning everything was white. {hero} ran outside, and there {he} met {pal}, {a_pal}. "Let us make a
        snowman!" said {hero}. [They rolled three big balls of snow.|They worked until their {hands} were cold.] The
        snowman got a {nose} for a nose and {hero}'s {look} {wear}. [Every day they told him all their secrets.|Every
        day they went to say hello to him.] But then the sun grew warm, and the snowman became smaller and smaller. One
        day only the {wear} was left. {hero} [cried|was very sad]. "He is not gone," said {pal}. "He is only water now.
        Wait and see." """,
        """In the spring, a {flower} flower grew where the snowman had stood. [{hero} and {pal} looked at it and
        smiled.|"There you are!" said {hero}.] And when the snow came back, so did the snowman, with the {look} {wear}
        and a new {nose} for a nose.""")


def bridge(s):
    s.hero()
    s.pal(looks="old gray proud stubborn tall".split())
    s.set(quarrel="[wheel|rake|pot of honey|bucket|ladder]")
    return s.tell(
        """{opening} On the other side of the stream lived {a_pal} named {pal}. They had quarreled about a {quarrel},
        and now they did not talk any more.""",
        """{Day}, {hero} saw that {pal}'s house was dark. "Is {pal} ill?" {he} thought. But there was no way over the
        water. So {hero} took some boards and began to build a bridge. [|It was hard work.] When {he} came to the middle
        of the stream, {he} heard a sound. There was {pal}, building a bridge from the other side! "What are you doing?"
        asked {hero}. "[I missed you|I was lonely]," said {pal}. "I am sorry about the {quarrel}." "I am sorry, too,"
        said {hero}.""",
        """They put in the last board, [and then they sat down on it and shared their bread|and then they danced on it].
        Soon nobody could remember why they had quarreled. But the bridge is still there, and {hero} and {pal} walk over
        it every day.""")


def sleepless(s):
    s.hero()
    s.pal(looks="small young tired".split())
    first, second = s.pick([("a cup of warm milk", "a soft pillow"), ("a soft pillow", "a cup of warm milk"),
                            ("a thick blanket", "a cup of tea"), ("a cup of tea", "a thick blanket")], 3)
    s.set(first=first, second=second)
    return s.tell(
        """{opening} {His} best friend was {a_pal} named {pal}.""",
        """One night there was a knock at the door. It was {pal}. "I cannot sleep," said {pal}. "[My head is full of
        thoughts|The wind is so loud]." {hero} gave {pal} {first}, but {pal} could not sleep. {hero} gave {pal}
        {second}, but {pal} still could not sleep. [{hero} sang a song.|They counted sheep, from one to a hundred.] It
        did not help at all. {hero} thought for a long time. "I will tell you a story," {he} said.""",
        """{hero} sat down next to {pal} and began, "Once upon a time, there was a {size} {kind} named {hero}. {His}
        best friend was {a_pal} named {pal}." "[That is us|I know them]!" said {pal} with a smile. But before the story
        was over, {pal} was asleep. {hero} [blew out the candle|closed the window very quietly]. "Good night, {pal},"
        {he} said. "I will tell you the end tomorrow." """)


def message(s):
    s.hero()
    s.pal(looks="old wise kind gray".split())
    s.set(play="[swim in the pond|climb a tree with us|play ball with us|pick berries with us]",
          other="[children|birds|goats|ducks]", weather="[It began to rain|A cold wind blew|The path became steep]",
          thing="[letter|little box|small bag]")
    return s.tell(
        """{opening} {Day}, {his} {elder} gave {him} a {thing}. "Take this to {pal}, {a_pal}, before the sun goes down,"
        {ghe} said. "I promise," said {hero}.""",
        """Soon {hero} met some {other}. "Come and {play}!" they called. {hero} wanted to stay, but {he} remembered
        {his} promise. "[Another day|Tomorrow]!" {he} said and walked on. {weather}. [|{hero} put the {thing} under
        {his} coat to keep it dry.|{His} feet hurt, but {he} did not stop.] Just before the sun went down, {he} knocked
        at {pal}'s door.""",
        """{pal} opened the {thing} and laughed. Inside there was a note. "Dear {pal}," it said, "the one who brings you
        this [keeps every promise|can be trusted]. Please give {him} [some cake|a piece of cake]." So {hero} got the
        biggest piece of cake in the house. The next day {he} went back to the {other}, because that was a promise,
        too.""")


PLOTS = [lost_thing, new_friend, storm, sharing, brave_small, garden, cooking, journey, truth, dark, learning,
         lost_baby, race, kindness, treasure, moon, snowman, bridge, sleepless, message]


def story(seed, number):
    """Story of that number: one of the plots, drawn anew until it is short enough."""
    rng = random.Random(f"{seed}:{number}")
    plot = rng.choice(PLOTS)
    while True:
        text = plot(Story(rng))
        if len(text.split()) <= LONGEST:
            return text


def main():
    parser = argparse.ArgumentParser(description="Prints stories.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first story")
    parser.add_argument("--count", type=int, default=5)
    args = parser.parse_args()
    print("\n\n".join(story(args.seed, args.first + i) for i in range(args.count)))


if __name__ == "__main__":
    main()
