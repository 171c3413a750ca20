from tests.attacks.test_planning_product import *
import asyncio, re
def show(p):
    for n,m in p.playgrounds["megan"].messages.items():
        s=str(m); print("---",n, re.findall(r"'text': '([^']{3,200})'|\"text\": \"([^\"]{3,200})\"|'label': '([^']{3,100})'", s)[:40])
async def test_c(product, asked):
    await product.send("megan", text="Brief me for the meeting at 14:00")
    await product.press("megan", await product.sees("megan", "Plan ready"), "Start")
    await product.sign_in("megan", await product.asked("megan"))
    await asyncio.sleep(8)
    show(product)
    for r in await product.engine.runs(): print(r.status, r.title,[(t.name,t.status,t.code,t.message) for t in r.tasks])
async def test_b(product, asked):
    await product.send("megan", text=FORWARD)
    await product.sign_in("megan", await product.asked("megan"))
    question = await product.sees("megan", "Nothing is written unless you allow it")
    await product.press("megan", question, "Allow")
    await asyncio.sleep(5)
    show(product)
    for r in await product.engine.runs(): print(r.status, r.title,[(t.name,t.status,t.code,t.message) for t in r.tasks])
