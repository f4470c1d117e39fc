import{Aj as d,xj as a,yj as b,zj as c}from"./chunk-PQG67UEH.js";import"./chunk-XNJH2OCW.js";export{c as HitTestContext,b as MouseTarget,d as MouseTargetFactory,a as PointerHandlerLastRenderData};
