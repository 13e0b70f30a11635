"""Neutral documents: real feeds and pages with a Trust's name set in their text. neutral.py DATA BINARY OUT; needs feedparser."""
import feedparser,glob,json,re,gzip,html,random,subprocess,sys
DATA,BIN,OUT=sys.argv[1:4]
random.seed(7)
names=['Solent NHS Trust','Heart of England NHS Foundation Trust','Essex Partnership University NHS Foundation Trust','South East Coast Ambulance Service','SECAmb','EPUT','Solent NHS']
strip=lambda s:re.sub(r'\s+',' ',html.unescape(re.sub('<[^>]+>',' ',s))).strip()
docs=[];seen=set()
def put(text,title,url,kind):
    t=text.strip()
    if len(t)<80 or not re.search('[a-z]{3}',t): return
    k=t[:120]
    if k in seen: return
    seen.add(k)
    n=random.choice(names)
    s=re.split(r'(?<=[.!?])\s+',t)
    # name in their text: in place of a capitalised word run, or at a sentence end
    i=random.randrange(len(s))
    m=re.search(r'\b(?:[A-Z][a-z]{3,}(?: [A-Z][a-z]+)*)\b',s[i][1:])
    if m: s[i]=s[i][:1+m.start()]+n+s[i][1+m.end():]
    else: s[i]=s[i].rstrip('.')+f', {n} said.'
    docs.append(dict(id=f'n{len(docs):05}',kind=kind,title=title[:200],url=url,text=' '.join(s)))
for f in sorted(glob.glob(DATA+'/feeds/files/**/*',recursive=True)):
    try: d=feedparser.parse(open(f,'rb').read())
    except Exception: continue
    for e in d.entries[:12]:
        body=strip((e.get('content') or [{}])[0].get('value') or e.get('summary') or '')
        put(body[:6000],strip(e.get('title','')),str(e.get('link','')),random.choice(['news','blog','web']))
gt=json.load(open(DATA+'/article-pages/ground-truth.json'))
for k,v in gt.items(): put(v['articleBody'][:8000],'',v.get('url',''),'news')
for f in sorted(glob.glob(DATA+'/snippet-pages/html/*'))[:100]:
    try: t=gzip.open(f).read().decode('utf8','ignore')
    except Exception: continue
    out=subprocess.run([BIN,'extract'],input=json.dumps({'html':t,'url':'http://x.example/'})+'\n',capture_output=True,text=True).stdout
    try: put(json.loads(out.splitlines()[0])['text'][:8000],'','', 'web')
    except Exception: pass
open(OUT,'w').write(''.join(json.dumps(d)+'\n' for d in docs))
print(len(docs))
