"""Fits the weights of the rules to labelled documents; needs numpy and scipy.

    cargo run --release --example train -- --check 5 > odds.jsonl
    fit.py --odds=odds.jsonl [--write] [--rules=a,b] tests/corpus/*.jsonl [neutral.jsonl]

Each rule is a logistic regression over its own evidence and the model's say, with the signs that people gave and the old weights as
prior; its examples weigh most, neutral documents (ids n0...) more than others. `--write` puts the weights into config/rules.
"""
import json,sys,re,subprocess,numpy as np,glob,tomllib,os,shutil,tempfile
from scipy.optimize import minimize
write='--write' in sys.argv
only=None
files=[a for a in sys.argv[1:] if not a.startswith('--')]
for a in sys.argv[1:]:
    if a.startswith('--rules='): only=a.split('=')[1].split(',')
ROOT=os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN=ROOT+'/target/debug/trustwatch'
NM=tempfile.mkdtemp();shutil.copy(ROOT+'/config/profiles/northmere.toml',NM)
ODDS=next((a.split('=')[1] for a in sys.argv if a.startswith('--odds=')),None) or sys.exit(__doc__)
Q={}
for f in files:
    for l in open(f):
        d=json.loads(l)
        if d['expect']['mentions']: Q[d['id']]=d
inp=''.join(json.dumps(d)+'\n' for d in Q.values())
out=subprocess.run([BIN,'classify','--explain=json'],input=inp,capture_output=True,text=True).stdout
R={}
for p in glob.glob(ROOT+'/config/rules/*.toml'):
    for r in tomllib.load(open(p,'rb')).get('rule',[]): R[r['id']]=(r,p)
# rule -> list of (doc, places[list of item sets])
data={r:{} for r in R}
OOF={}
for l in open(ODDS):
    d=json.loads(l);OOF[d['id']]=d['odds']
for l in out.splitlines():
    d=json.loads(l)
    for h in d.get('hits',[]):
        for e in h['rules']:
            if e['score'] is None: continue
            data[e['rule']].setdefault(d['id'],[]).append([(i['item'],i['weight']) for i in e['items']])
K=0.12;EXW=60;BW=10
# rule examples as extra samples
EX={r:[] for r in R}
lines=[];keys=[]
for rid,(r,_) in R.items():
    for n_,e in enumerate(r.get('example',[])):
        d={k:v for k,v in e.items() if k!='fires'};d['id']=f'{rid}#{n_}'
        if 'published' in d: d['published']=str(d['published'])[:10]+'T12:00:00Z'
        lines.append(json.dumps(d));keys.append((rid,n_,e['fires']))
o2=subprocess.run([BIN,'classify','--explain=json','--profiles',NM],input='\n'.join(lines)+'\n',capture_output=True,text=True).stdout.splitlines()
for l,(rid,n_,fires) in zip(o2,keys):
    d=json.loads(l);L=R[rid][0].get('learned',0.0);nE=len(R[rid][0].get('evidence',[]))
    for h in d.get('hits',[]):
        pl=[]
        for e in h['rules']:
            if e['rule']==rid and e['score'] is not None:
                lx=sum(i['weight'] for i in e['items'] if i['item']==nE)/L if L else 0
                pl.append(([i['item'] for i in e['items'] if i['item']<nE],lx))
        if pl: EX[rid].append((pl,fires))
tot=[0,0,0];tot0=[0,0,0]
for rid,(r,path) in sorted(R.items()):
    if only and rid not in only: continue
    ev=r.get('evidence',[]);L0=r.get('learned',0.0);n=len(ev)+1
    if r.get('detector')=='lookalike' or rid=='press-coverage': continue
    cat=r['category'];thr=r['threshold'];w0=np.array([e['weight'] for e in ev]+[L0]);b0=r.get('base',0.0)
    isdoc=r.get('detector','document')=='document'
    posit=[t for t in range(n-1) if w0[t]>0]
    docs=[]
    for i in data[rid]:
        lik=(OOF[i].get(cat,0)>0) if i in OOF else any(t==n-1 and wt/max(L0,1e-9)>.5 for its in data[rid][i] for t,wt in its)
        pl=[its for its in data[rid][i] if not isdoc or lik or any(t in posit for t,_ in its)]
        if pl: docs.append((i,pl))
    npos=sum(cat in d['expect']['must'] for d in Q.values())
    X=[];y=[];ids=[]
    for i,pl in docs:
        e=Q[i]['expect'];lab=1 if cat in e['must'] else None if cat in e['may'] else 0
        if lab is None: continue
        M=np.zeros((len(pl),n))
        for k,its in enumerate(pl):
            M[k,[t for t,_ in its if t<n-1]]=1
            M[k,n-1]=(np.clip(OOF[i].get(cat,0)/4,-1,1)+1)/2 if i in OOF else sum(wt for t,wt in its if t==n-1)/max(L0,1e-9)
        X.append(M);y.append(lab);ids.append(i)
    y=np.array(y);isb=np.array([i.startswith('n0') for i in ids])
    def f1(sc,t):
        p=sc>=t-1e-9;tp=(p&(y==1)).sum();fpm=(p&(y==0));fp=fpm.sum();bf=(fpm&isb).sum();fn=npos-tp
        return 2*tp/max(1,2*tp+fp+8*bf+fn),tp,fp,fn
    s0=np.array([np.clip(b0+(M@w0),0,1).max() for M in X]) if len(X) else np.array([])
    a=f1(s0,thr) if len(X) else (0,0,0,npos)
    tot0=[tot0[j]+a[j+1] for j in range(3)]
    if y.sum()<4: 
        print(f'{rid:22} n={npos:3} asked+={int(y.sum())} now={a[0]:.2f} (tp{a[1]} fp{a[2]} fn{a[3]}) too few'); tot=[tot[j]+a[j+1] for j in range(3)];continue
    sign=np.sign(w0);sign[sign==0]=1
    lo=[0 if s>0 else -6 for s in sign];hi=[6 if s>0 else 0 for s in sign];hi[-1]=16
    prior=np.clip(w0/K*0.8,lo,hi);prior[-1]=max(w0[-1]/K,5.0)
    XE=[];yE=[]
    for pl,fires in EX[rid]:
        M=np.zeros((len(pl),n))
        for k_,(its,lx) in enumerate(pl):
            M[k_,its]=1;M[k_,n-1]=lx
        XE.append(M);yE.append(int(fires))
    def fit(idx,w,b,lam=0.08):
        for it in range(4):
            rows=[];lab=[];wt=[]
            for k in idx:
                M=X[k]
                if y[k]==1: rows.append(M[np.argmax(M@w)]);lab.append(1);wt.append(1)
                else:
                    for m in M: rows.append(m);lab.append(0);wt.append((BW if ids[k].startswith('n0') else 1)/len(M))
            base_n=len(rows)
            for M,l_ in zip(XE,yE):
                if l_: rows.append(M[np.argmax(M@w)]);lab.append(1);wt.append(EXW)
                else:
                    for m in M: rows.append(m);lab.append(0);wt.append(EXW)
            A=np.array(rows);L=np.array(lab);W=np.array(wt)
            pos=(L==1).sum();neg=W[L==0].sum();W[:base_n]=W[:base_n]*np.where(L[:base_n]==1,max(1.0,(neg/max(pos,1))**0.4),1)
            def obj(p):
                z=A@p[:n]+p[n];s=np.where(L==1,1,-1)*z
                loss=(W*np.logaddexp(0,-s)).sum()+lam*((p[:n]-prior)**2).sum()
                g=-(W*np.where(L==1,1,-1)/(1+np.exp(np.clip(s,-40,40))))
                return loss,np.append(A.T@g+2*lam*(p[:n]-prior),g.sum())
            res=minimize(obj,np.append(w,b),jac=True,method='L-BFGS-B',bounds=list(zip(lo,hi))+[(-18,6)])
            w,b=res.x[:n],res.x[n]
        return w,b
    rng=np.random.RandomState(0);perm=rng.permutation(len(X));folds=np.array_split(perm,5)
    oof=np.zeros(len(X))
    for f in folds:
        tr=np.setdiff1d(perm,f)
        w,b=fit(tr,prior.copy(),(b0-thr)/K)
        for k in f: oof[k]=(X[k]@w+b).max()
    ts=sorted(set(np.round(oof,2)))
    best=max((f1(oof,t)[0],-abs(t)) for t in ts) ; tb=max(ts,key=lambda t:(f1(oof,t)[0],-abs(t)))
    # shrink threshold shift to avoid overfit
    c=f1(oof,tb)
    w,b=fit(np.arange(len(X)),prior.copy(),(b0-thr)/K)
    b=b-tb*0.8
    s1=np.array([(M@w+b).max() for M in X]);d=f1(s1,0)
    tot=[tot[j]+c[j+1] for j in range(3)]
    bad=sum(((M@w+b).max()>=0)!=bool(l_) for M,l_ in zip(XE,yE))
    print(f'{rid:22} n={npos:3} ex_bad={bad} asked+={int(y.sum())} now={a[0]:.2f} (tp{a[1]} fp{a[2]} fn{a[3]}) cv={c[0]:.2f} (tp{c[1]} fp{c[2]} fn{c[3]}) train={d[0]:.2f}')
    if write:
        k=K
        nw=np.round(w*k,2); nb=np.round((thr+b*k)*100)/100
        # keep sign, minimal 0.05
        lw=nw[-1];nw=np.where((nw==0),sign*0.02,nw)
        s=open(path).read()
        m=re.search(r'(?m)^id = "%s"$'%re.escape(rid),s);i=m.start();j=s.find('\n[[rule]]\n',i);j=len(s) if j<0 else j
        blk=s[i:j];parts=re.split(r'(?m)^(weight = .*)$',blk)
        k2=0
        for q in range(1,len(parts),2):
            parts[q]='weight = %s'%(('%.2f'%nw[k2]).rstrip('0').rstrip('.') if '.' in '%.2f'%nw[k2] else nw[k2]);k2+=1
        blk=''.join(parts)
        if re.search(r'(?m)^base = ',blk): blk=re.sub(r'(?m)^base = .*$','base = %.2f'%nb,blk,count=1)
        else: blk=re.sub(r'(?m)^threshold',f'base = {nb:.2f}\nthreshold',blk,count=1)
        if re.search(r'(?m)^learned = ',blk): blk=re.sub(r'(?m)^learned = .*$','learned = %.2f'%lw,blk,count=1)
        else: blk=re.sub(r'(?m)^threshold',f'learned = {lw:.2f}\nthreshold',blk,count=1)
        s=s[:i]+blk+s[j:];open(path,'w').write(s)
f=lambda t:2*t[0]/max(1,2*t[0]+t[1]+t[2])
print('now',f(tot0),'cv',f(tot))
